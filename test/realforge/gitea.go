// Package realforge starts forges that others wrote, for the conformance
// suite: they say what a forge does where our own fake could only say what we
// think it does.
//
// None of them is needed to build or to test: what is not installed is
// skipped, with the reason.
package realforge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Gitea is a running Gitea.
type Gitea struct {
	URL   string
	Owner string // an administrator
	Token string // of the owner

	dir  string
	quit context.CancelFunc
	done chan error
}

// FindGitea returns Gitea's binary and the directory of its templates (empty
// for a binary that holds them), or why there is none.
func FindGitea() (binary, static, missing string) {
	if binary := os.Getenv("PROMOTER_GITEA"); binary != "" {
		return binary, os.Getenv("PROMOTER_GITEA_STATIC"), ""
	}
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		cache = filepath.Join(os.Getenv("HOME"), ".cache")
	}
	cache = filepath.Join(cache, "promoter", "gitea-v1.25.0")
	binary, static = filepath.Join(cache, "gitea"), filepath.Join(cache, "static")
	for _, path := range []string{binary, static} {
		if _, err := os.Stat(path); err != nil {
			return "", "", "Gitea is not built: run test/realforge/gitea.sh build, or name a binary in PROMOTER_GITEA"
		}
	}
	return binary, static, ""
}

// settings are Gitea's. It listens on loopback, sends no mail and calls
// nobody; everything lives in one directory.
const settings = `
APP_NAME = Forge
RUN_MODE = prod
WORK_PATH = %[1]s
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %[2]d
ROOT_URL = http://127.0.0.1:%[2]d/
DISABLE_SSH = true
OFFLINE_MODE = true
LFS_START_SERVER = false
%[3]s
[database]
DB_TYPE = sqlite3
PATH = %[1]s/gitea.db
SQLITE_JOURNAL_MODE = WAL
[repository]
ROOT = %[1]s/repositories
DEFAULT_BRANCH = main
[security]
INSTALL_LOCK = true
SECRET_KEY = loopback
PASSWORD_HASH_ALGO = pbkdf2$1000$50
[service]
DISABLE_REGISTRATION = true
[queue]
TYPE = channel
[indexer]
ISSUE_INDEXER_TYPE = db
[webhook]
ALLOWED_HOST_LIST = loopback
[log]
MODE = file
LEVEL = Warn
ROOT_PATH = %[1]s/log
[session]
PROVIDER = memory
[picture]
DISABLE_GRAVATAR = true
[cron]
ENABLED = false
[actions]
ENABLED = false
`

// StartGitea starts a Gitea whose data is in dir, which must exist and be
// empty.
func StartGitea(ctx context.Context, dir, binary, static string) (*Gitea, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	if static != "" {
		if static, err = filepath.EvalSymlinks(static); err != nil {
			return nil, err
		}
		static = "STATIC_ROOT_PATH = " + static
	}
	config := filepath.Join(dir, "app.ini")
	if err := os.WriteFile(config, fmt.Appendf(nil, settings, dir, port, static), 0o600); err != nil {
		return nil, err
	}
	g := &Gitea{URL: fmt.Sprintf("http://127.0.0.1:%d", port), Owner: "acme", dir: dir, done: make(chan error, 1)}
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, binary, append(args, "--config", config)...)
		cmd.Env = g.env()
		out, err := cmd.Output()
		if err != nil {
			var e *exec.ExitError
			if errors.As(err, &e) {
				err = fmt.Errorf("%w: %s", err, e.Stderr)
			}
			return "", fmt.Errorf("run gitea %s: %w", args[0], err)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return lines[len(lines)-1], nil // warnings come before what was asked for
	}
	if _, err := run("migrate"); err != nil {
		return nil, err
	}
	if _, err := run("admin", "user", "create", "--admin", "--username", g.Owner, "--password", "loopback-1", "--email", "acme@example.com", "--must-change-password=false"); err != nil {
		return nil, err
	}
	if g.Token, err = run("admin", "user", "generate-access-token", "--username", g.Owner, "--token-name", "test", "--scopes", "all", "--raw"); err != nil {
		return nil, err
	}
	web, quit := context.WithCancel(context.WithoutCancel(ctx))
	g.quit = quit
	cmd := exec.CommandContext(web, binary, "web", "--config", config)
	cmd.Env = g.env()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { g.done <- cmd.Wait() }()
	return g, g.ready(ctx)
}

func (g *Gitea) env() []string {
	return append(os.Environ(), "HOME="+g.dir, "GITEA_WORK_DIR="+g.dir, "GIT_CONFIG_NOSYSTEM=1", "USER=git")
}

// Close stops it.
func (g *Gitea) Close() {
	g.quit()
	<-g.done // how it ended is of no interest any more
}

func (g *Gitea) ready(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for {
		err := g.Call(ctx, http.MethodGet, "version", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-g.done:
			g.done <- err
			return fmt.Errorf("start Gitea: it ended: %w", err)
		case <-deadline:
			g.Close()
			return fmt.Errorf("start Gitea: it does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// Call makes a call of its API as the owner.
func (g *Gitea) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, g.URL+"/api/v1/"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "token "+g.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %d: %s", method, path, resp.StatusCode, data)
	}
	if out == nil || len(data) == 0 {
		return nil
	}
	return json.Unmarshal(data, out)
}

// AddUser makes a user.
func (g *Gitea) AddUser(ctx context.Context, login string) error {
	return g.Call(ctx, http.MethodPost, "admin/users", map[string]any{
		"username": login, "email": login + "@example.com", "password": "loopback-1", "must_change_password": false,
	}, nil)
}

// AddRepo makes a repository with a README on main, and lets the users write
// to it.
func (g *Gitea) AddRepo(ctx context.Context, name string, users ...string) error {
	if err := g.Call(ctx, http.MethodPost, "user/repos", map[string]any{"name": name, "auto_init": true, "default_branch": "main", "readme": "Default"}, nil); err != nil {
		return err
	}
	for _, u := range users {
		if err := g.Call(ctx, http.MethodPut, "repos/"+g.Owner+"/"+name+"/collaborators/"+u, map[string]any{"permission": "write"}, nil); err != nil {
			return err
		}
	}
	return nil
}

// AddOrg makes an organization.
func (g *Gitea) AddOrg(ctx context.Context, name string) error {
	return g.Call(ctx, http.MethodPost, "orgs", map[string]any{"username": name}, nil)
}

// AddTeam makes a team without members.
func (g *Gitea) AddTeam(ctx context.Context, org, name string) error {
	return g.Call(ctx, http.MethodPost, "orgs/"+org+"/teams", map[string]any{"name": name, "permission": "write", "units": []string{"repo.code"}}, nil)
}

// Join makes a user a member of a team, "org/team".
func (g *Gitea) Join(ctx context.Context, team, login string) error {
	org, name, _ := strings.Cut(team, "/")
	var list []struct {
		ID   int
		Name string
	}
	if err := g.Call(ctx, http.MethodGet, "orgs/"+org+"/teams?limit=50", nil, &list); err != nil {
		return err
	}
	for _, t := range list {
		if t.Name == name {
			return g.Call(ctx, http.MethodPut, fmt.Sprintf("teams/%d/members/%s", t.ID, login), nil, nil)
		}
	}
	return fmt.Errorf("find team %s: there is none", team)
}

// CloneURL returns where Git clones from and pushes to, with the owner's
// credentials.
func (g *Gitea) CloneURL(repo string) string {
	return strings.Replace(g.URL, "http://", "http://"+g.Owner+":"+g.Token+"@", 1) + "/" + g.Owner + "/" + repo + ".git"
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
