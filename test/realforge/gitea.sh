#!/bin/bash
# Builds Gitea, once, and prints the path of its binary: a real forge for the
# conformance suite. It takes about nine minutes of CPU time, so the binary is
# kept in the user's cache directory.
#
# `go install module@version` does not work: Gitea's go.mod has replace
# directives. It is built in its own module directory, where they hold.
#
# Usage: gitea.sh build | path
#   build   build it unless it is there, print its path
#   path    print its path, fail when it is not there
set -euo pipefail

version=v1.25.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/promoter/gitea-$version
binary=$cache/gitea
source=$(cd / && go env GOMODCACHE)/code.gitea.io/gitea@$version

case ${1:-build} in
path)
  [ -x "$binary" ] && [ -d "$source" ] || { echo "Gitea $version is not built: run test/realforge/gitea.sh build" >&2; exit 1; }
  echo "$binary"
  ;;
build)
  mkdir -p "$cache"
  cd "$cache"
  exec 9>lock
  flock 9 # one builds, the others wait and find it
  [ -d "$source" ] || GOFLAGS= go mod download "code.gitea.io/gitea@$version" >&2
  ln -sfn "$source" "$cache/static" # its templates and locales
  if [ -x "$binary" ]; then
    echo "$binary"
    exit
  fi
  cd "$source"
  # Without bindata: templates and locales are read from the module directory.
  GOFLAGS="-buildvcs=false -mod=mod" nice -n 15 go build -tags "sqlite sqlite_unlock_notify" -o "$binary.new" . >&2
  mv "$binary.new" "$binary"
  echo "$binary"
  ;;
*)
  echo "usage: gitea.sh build | path" >&2
  exit 2
  ;;
esac
