package realforge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Emulate is a running emulate: GitHub's API as the people of the npm package
// of that name understand it, with state, and without Git.
type Emulate struct {
	URL          string
	Owner, Token string

	quit context.CancelFunc
	done chan error
}

// FindEmulate returns Node.js and emulate's program, or why there are none.
func FindEmulate() (node, program, missing string) {
	const how = ": run npm ci --ignore-scripts in test/realforge"
	program = filepath.Join(nodeModules(), "emulate", "dist", "index.js")
	if _, err := os.Stat(program); err != nil {
		return "", "", "emulate is not installed" + how
	}
	found, _ := filepath.Glob(filepath.Join(nodeModules(), "node-*", "bin", "node")) // the pattern is right
	if inPath, err := exec.LookPath("node"); err == nil {
		found = append(found, inPath)
	}
	for _, node := range found {
		out, err := exec.Command(node, "--version").Output()
		v := strings.Split(strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), ".")
		if err != nil || len(v) < 2 {
			continue
		}
		major, _ := strconv.Atoi(v[0]) // zero is too old
		minor, _ := strconv.Atoi(v[1])
		if major > 22 || major == 22 && minor >= 15 {
			return node, program, ""
		}
	}
	return "", "", "emulate needs Node.js 22.15 or later" + how
}

const seed = `tokens:
  %s:
    login: %s
    scopes: [repo, user]
  ghp_ben:
    login: ben
    scopes: [repo, user]
  ghp_cleo:
    login: cleo
    scopes: [repo, user]
github:
  users:
    - login: %[2]s
    - login: ben
    - login: cleo
  orgs:
    - login: crew
      members:
        - login: %[2]s
          role: admin
`

// EmulateToken returns the token of one of its users, ben or cleo.
func EmulateToken(login string) string { return "ghp_" + login }

// StartEmulate starts emulate; dir is for its seed. The owner administers an
// organization, crew.
func StartEmulate(ctx context.Context, dir, node, program string) (*Emulate, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	e := &Emulate{URL: fmt.Sprintf("http://127.0.0.1:%d", port), Owner: "acme", Token: "ghp_test", done: make(chan error, 1)}
	file := filepath.Join(dir, "seed.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, seed, e.Token, e.Owner), 0o600); err != nil {
		return nil, err
	}
	running, quit := context.WithCancel(context.WithoutCancel(ctx))
	e.quit = quit
	cmd := exec.CommandContext(running, node, program, "start", "-s", "github", "-p", strconv.Itoa(port), "--seed", file)
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { e.done <- cmd.Wait() }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL+"/user", nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+e.Token)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return e, nil
			}
		}
		select {
		case <-ctx.Done():
			e.Close()
			return nil, ctx.Err()
		case err := <-e.done:
			e.done <- err
			return nil, fmt.Errorf("start emulate: it ended: %w", err)
		case <-deadline:
			e.Close()
			return nil, errors.New("start emulate: it does not answer")
		case <-tick.C:
		}
	}
}

// Close stops it.
func (e *Emulate) Close() {
	e.quit()
	<-e.done // how it ended is of no interest any more
}
