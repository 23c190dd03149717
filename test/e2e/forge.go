package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Forge is a running Gitea.
type Forge struct {
	URL   string
	Token string // of its administrator
	Bot   string // a token of the user that Promoter is
}

// The users of the Git host.
const (
	owner = "acme"
	bot   = "promoter"
)

const forgeINI = `APP_NAME = Forge
RUN_MODE = prod
WORK_PATH = %[1]s
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %[2]s
ROOT_URL = http://127.0.0.1:%[2]s/
DISABLE_SSH = true
OFFLINE_MODE = true
LFS_START_SERVER = false
STATIC_ROOT_PATH = %[3]s
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
MODE = console
LEVEL = Warn
[session]
PROVIDER = memory
[picture]
DISABLE_GRAVATAR = true
[cron]
ENABLED = false
[actions]
ENABLED = false
`

var accessToken = regexp.MustCompile(`\b[0-9a-f]{40}\b`)

// startForge starts Gitea, with an owner of repositories and a user for
// Promoter.
func (w *World) startForge(ctx context.Context) error {
	dir, err := w.folder("forge")
	if err != nil {
		return err
	}
	address, err := w.ports.next()
	if err != nil {
		return err
	}
	static, err := filepath.EvalSymlinks(filepath.Join(filepath.Dir(w.binary("gitea")), "static"))
	if err != nil {
		return fmt.Errorf("find Gitea's templates: %w", err)
	}
	config := filepath.Join(dir, "app.ini")
	if err := os.WriteFile(config, fmt.Appendf(nil, forgeINI, dir, portOf(address), static), 0o600); err != nil {
		return err
	}
	env := []string{"HOME=" + dir, "GITEA_WORK_DIR=" + dir, "GIT_CONFIG_NOSYSTEM=1", "USER=git"}
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, w.binary("gitea"), append(args, "--config", config)...)
		cmd.Env = append(os.Environ(), env...)
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("run gitea %s: %w: %s", args[0], err, said.String())
		}
		return accessToken.FindString(string(out)), nil // what is logged stands around it
	}
	if _, err := run("migrate"); err != nil {
		return err
	}
	f := &Forge{URL: "http://" + address}
	for _, user := range []string{owner, bot} {
		if _, err := run("admin", "user", "create", fmt.Sprintf("--admin=%t", user == owner), "--username", user, "--password", "loopback-1", "--email", user+"@example.com", "--must-change-password=false"); err != nil {
			return err
		}
	}
	if f.Token, err = run("admin", "user", "generate-access-token", "--username", owner, "--token-name", "test", "--scopes", "all", "--raw"); err != nil {
		return err
	}
	if f.Bot, err = run("admin", "user", "generate-access-token", "--username", bot, "--token-name", "test", "--scopes", "write:repository,write:issue,read:user,read:organization", "--raw"); err != nil {
		return err
	}
	if err := w.start(Command{Name: "gitea", Path: w.binary("gitea"), Args: []string{"web", "--config", config}, Env: env}); err != nil {
		return err
	}
	w.Forge = f
	return w.ready(ctx, "Gitea", func() error { return f.Call(ctx, http.MethodGet, "version", nil, nil) })
}

// Call makes a call of its API as the owner.
func (f *Forge) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, f.URL+"/api/v1/"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "token "+f.Token)
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
		return fmt.Errorf("%s %s: %w", method, path, &StatusError{resp.StatusCode, string(data[:min(len(data), 600)])})
	}
	if out == nil || len(data) == 0 {
		return nil
	}
	return json.Unmarshal(data, out)
}

// Repository is a repository on the Git host, with a checkout.
type Repository struct {
	Name  string
	URL   string // that anybody may clone from
	Clone string // a checkout of main, for the stories' people

	forge *Forge
	mu    sync.Mutex // one at a time in the checkout
}

// AddRepository makes a public repository whose branch main holds these files.
func (w *World) AddRepository(ctx context.Context, name string, files map[string]string) (*Repository, error) {
	f := w.Forge
	if err := f.Call(ctx, http.MethodPost, "user/repos", map[string]any{"name": name, "default_branch": "main"}, nil); err != nil {
		return nil, err
	}
	if err := f.Call(ctx, http.MethodPut, "repos/"+owner+"/"+name+"/collaborators/"+bot, map[string]any{"permission": "write"}, nil); err != nil {
		return nil, err
	}
	r := &Repository{Name: name, URL: f.URL + "/" + owner + "/" + name + ".git", Clone: filepath.Join(w.Dir, "clones", name), forge: f}
	if err := os.MkdirAll(r.Clone, 0o755); err != nil {
		return nil, err
	}
	if _, err := r.git(ctx, "init", "-q", "-b", "main"); err != nil {
		return nil, err
	}
	if _, err := r.git(ctx, "remote", "add", "origin", strings.Replace(r.URL, "http://", "http://"+owner+":"+f.Token+"@", 1)); err != nil {
		return nil, err
	}
	_, err := r.Commit(ctx, "What there is", files)
	return r, err
}

func (r *Repository) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.Clone
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// Commit writes files on main as a person would, and pushes. It returns the
// commit.
func (r *Repository) Commit(ctx context.Context, message string, files map[string]string) (head string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.pull(ctx); err != nil {
		return "", err
	}
	for name, text := range files {
		path := filepath.Join(r.Clone, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	for _, args := range [][]string{{"add", "-A"}, {"commit", "-q", "-m", message}} {
		if _, err := r.git(ctx, args...); err != nil {
			return "", err
		}
	}
	for range 10 { // others push too
		if _, err = r.git(ctx, "push", "-q", "origin", "main"); err == nil {
			return r.git(ctx, "rev-parse", "HEAD")
		}
		if _, err := r.git(ctx, "pull", "-q", "--rebase", "origin", "main"); err != nil {
			return "", err
		}
	}
	return "", err
}

// pull brings the checkout to main.
func (r *Repository) pull(ctx context.Context) error {
	if branches, err := r.git(ctx, "ls-remote", "--heads", "origin", "main"); err != nil || branches == "" {
		return err
	}
	_, err := r.git(ctx, "pull", "-q", "--ff-only", "origin", "main")
	return err
}

// Read returns a file of main.
func (r *Repository) Read(ctx context.Context, name string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.pull(ctx); err != nil {
		return "", err
	}
	data, err := os.ReadFile(filepath.Join(r.Clone, name))
	return string(data), err
}

// Head is the commit of main.
func (r *Repository) Head(ctx context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.pull(ctx); err != nil {
		return "", err
	}
	return r.git(ctx, "rev-parse", "HEAD")
}

// Merges are the subjects of main's merges, the newest first: what Git says,
// whatever the server noted of it.
func (r *Repository) Merges(ctx context.Context) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.pull(ctx); err != nil {
		return nil, err
	}
	out, err := r.git(ctx, "log", "--first-parent", "--merges", "--format=%s", "main")
	return strings.Split(out, "\n"), err
}

// Pull is a pull request.
type Pull struct {
	Number         int
	Title, Body    string
	State          string
	Draft          bool
	Merged         bool
	MergedAt       *time.Time `json:"merged_at"`
	CreatedAt      time.Time  `json:"created_at"`
	ClosedAt       *time.Time `json:"closed_at"`
	MergeCommitSHA string     `json:"merge_commit_sha"`
	Head           struct{ Ref, SHA string }
}

// Pulls lists every pull request, the oldest first.
func (r *Repository) Pulls(ctx context.Context) ([]Pull, error) {
	var list []Pull
	err := r.forge.Call(ctx, http.MethodGet, "repos/"+owner+"/"+r.Name+"/pulls?state=all&sort=oldest&limit=50", nil, &list)
	return list, err
}

// Status is what somebody said of a commit.
type Status struct {
	Context, Status, Description string
	CreatedAt                    time.Time `json:"created_at"`
}

// Statuses lists what was said of a commit, the oldest first.
func (r *Repository) Statuses(ctx context.Context, commit string) ([]Status, error) {
	var list []Status
	err := r.forge.Call(ctx, http.MethodGet, "repos/"+owner+"/"+r.Name+"/commits/"+commit+"/statuses?sort=oldest&limit=50", nil, &list)
	return list, err
}

// Issue is an issue.
type Issue struct {
	Number      int
	Title, Body string
	State       string
}

// Issues lists the issues that are no pull requests.
func (r *Repository) Issues(ctx context.Context) ([]Issue, error) {
	var list []Issue
	err := r.forge.Call(ctx, http.MethodGet, "repos/"+owner+"/"+r.Name+"/issues?state=all&type=issues&limit=50", nil, &list)
	return list, err
}

// Merge merges a pull request as a person.
func (r *Repository) Merge(ctx context.Context, number int) error {
	return poll(ctx, time.Minute, time.Second, func() error {
		return r.forge.Call(ctx, http.MethodPost, fmt.Sprintf("repos/%s/%s/pulls/%d/merge", owner, r.Name, number), map[string]any{"Do": "merge"}, nil)
	})
}
