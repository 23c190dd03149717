#!/bin/bash
# Builds the servers of the real world, once, into the user's cache directory,
# and prints where they are: a line "NAME PATH" for each binary, and one with its
# folder for each module.
#
# Each module under this directory is built on its own, one after the other
# (side by side takes twice as long), at the lowest priority. A module is built
# again when a file of it changes. What the compiler leaves behind, several GB,
# is thrown away with each module that is done. Prometheus, Alertmanager and
# the OCI registry are Debian's, unpacked and not installed.
#
# On two idle cores it takes about 25 minutes the first time. Who calls this
# while another builds waits for it, and finds everything there. It needs Go; on
# Debian, as root, it installs the few packages that it lacks.
#
# Usage: build.sh build | path
#   build   build what is not there, print the paths
#   path    print the paths, fail when something is not there
set -euo pipefail
cd "$(dirname "$0")"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/promoter/e2e
kubernetes=v1.31.0 # what charts see as the version of Kubernetes
modules=${E2E_MODULES:-kube argo fluxsource flux} # without the last two, a world without Flux
debian="prometheus prometheus-alertmanager docker-registry"

# directory MODULE prints where a module's binaries belong.
directory() {
  echo "$cache/$1-$(cat "$1"/go.mod "$1"/go.sum $(find "$1" -name '*.go' | sort) | sha256sum | cut -c1-12)"
}

# binaries MODULE prints "NAME PACKAGE" for what a module holds.
binaries() {
  case $1 in
  kube) echo "kube ." ;;
  argo)
    echo "argocd github.com/argoproj/argo-cd/v2/cmd"
    echo "helm helm.sh/helm/v3/cmd/helm"
    echo "kustomize sigs.k8s.io/kustomize/kustomize/v5"
    echo "kwok sigs.k8s.io/kwok/cmd/kwok"
    echo "redis ./redis"
    ;;
  fluxsource) echo "source-controller github.com/fluxcd/source-controller" ;;
  flux)
    echo "kustomize-controller github.com/fluxcd/kustomize-controller"
    echo "helm-controller github.com/fluxcd/helm-controller"
    ;;
  esac
}

# assets MODULE DIRECTORY copies what a module's servers need beside themselves.
assets() {
  local from
  mkdir -p "$2/crds"
  folder() { (cd "$1" && go list -m -f '{{.Dir}}' "$2"); }
  case $1 in
  argo)
    from=$(folder argo github.com/argoproj/argo-cd/v2)
    install -m 644 "$from"/manifests/crds/app*-crd.yaml "$2/crds"
    ;;
  fluxsource)
    from=$(folder fluxsource github.com/fluxcd/source-controller)
    install -m 644 "$from"/config/crd/bases/*.yaml "$2/crds"
    ;;
  flux)
    for controller in kustomize-controller helm-controller; do
      from=$(folder flux "github.com/fluxcd/$controller")
      install -m 644 "$from"/config/crd/bases/*.yaml "$2/crds"
    done
    # The kinds of source in the versions that these controllers ask for.
    from=$(cd / && go mod download -json github.com/fluxcd/source-controller@v1.9.6 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
    mkdir -p "$2/newer"
    install -m 644 "$from"/config/crd/bases/*.yaml "$2/newer"
    ;;
  esac
}

build() {
  local module=$1 into from
  into=$(directory "$module")
  [ -e "$into/complete" ] && return
  mkdir -p "$into"
  while read -r name package; do
    [ -x "$into/$name" ] && continue
    echo "build $name of $module" >&2
    (cd "$module" && GOFLAGS="-buildvcs=false" GOCACHE="$cache/go-build" nice -n 15 go build -p "${E2E_JOBS:-2}" -gcflags=all=-dwarf=false \
      -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$kubernetes -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=31" \
      -o "$into/$name.new" "$package" >&2)
    mv "$into/$name.new" "$into/$name" # whole, or not there
  done < <(binaries "$module")
  assets "$module" "$into"
  touch "$into/complete"
  rm -rf "$cache/go-build"
}

# need installs Debian's packages for the programs that are missing.
need() {
  local package missing=()
  for package in "$@"; do
    command -v "${package#*:}" >/dev/null || missing+=("${package%%:*}")
  done
  [ ${#missing[@]} = 0 ] && return
  echo "install ${missing[*]}" >&2
  [ "$(id -u)" = 0 ] || { echo "as root, run apt-get install --no-install-recommends ${missing[*]}" >&2; exit 1; }
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

unpack() {
  local into=$cache/debian
  [ -e "$into/complete" ] && return
  rm -rf "$into"
  mkdir -p "$into/deb"
  echo "fetch $debian" >&2
  chmod 777 "$into/deb" # apt-get, run by root, fetches as a user of its own
  (
    cd "$into/deb"
    apt-get download -qq $debian >&2 || { apt-get update -qq >&2 && apt-get download -qq $debian >&2; }
  ) || { echo "fetch $debian: they are not to be had; run apt-get update as root" >&2; exit 1; }
  for deb in "$into"/deb/*.deb; do dpkg -x "$deb" "$into/root"; done
  touch "$into/complete"
}

# templates puts Alertmanager's templates where its binary looks for them.
templates() {
  local at=/usr/share/prometheus/alertmanager
  [ -e "$at/default.tmpl" ] && [ -e "$at/email.tmpl" ] && return
  mkdir -p "$at" 2>/dev/null && cp "$cache/debian/root$at"/*.tmpl "$at" 2>/dev/null || {
    echo "Alertmanager needs $at: as root, run apt-get install --no-install-recommends prometheus-alertmanager" >&2
    exit 1
  }
}

paths() {
  local module into
  for module in $modules; do
    into=$(directory "$module")
    [ -e "$into/complete" ] || { echo "the servers of $module are not built: run $PWD/build.sh build" >&2; exit 1; }
    binaries "$module" | while read -r name _; do echo "$name $into/$name"; done
    echo "$module/ $into"
  done
  [ -e "$cache/debian/complete" ] || { echo "the servers from Debian are not there: run $PWD/build.sh build" >&2; exit 1; }
  for name in $debian; do echo "$name $cache/debian/root/usr/bin/$name"; done
}

case ${1:-build} in
path) paths ;;
build)
  need git build-essential:gcc
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock 9 # until this process ends
  unpack
  templates
  for module in $modules; do build "$module"; done
  paths
  ;;
*)
  echo "usage: build.sh build | path" >&2
  exit 2
  ;;
esac
