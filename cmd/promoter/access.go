package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"promoter/gitops"
	"promoter/gitops/gitea"
	"promoter/gitops/github"
	"promoter/gitops/repo"
)

// forgeFlags say which forge hosts the repository.
type forgeFlags struct {
	kind   string
	url    string
	name   string
	remote string
	base   string
}

func (f *forgeFlags) register(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.kind, "forge", "", "github or gitea (Forgejo too); found out from the remote and the environment when absent")
	fl.StringVar(&f.url, "forge-url", "", "the forge's address, for GitHub Enterprise and Gitea")
	fl.StringVar(&f.name, "repository", "", "owner/name on the forge; from the remote when absent")
	fl.StringVar(&f.base, "base", "", "the deployed branch; the repository's default when absent")
	fl.StringVar(&f.remote, "remote", "", "URL to fetch from and push to; the checkout's origin when absent")
}

// noAccess says why the forge is not asked at all. It is no failure of plan.
type noAccess struct{ why string }

func (e *noAccess) Error() string { return e.why }

// access is how the forge and the repository are reached.
type access struct {
	kind        string // github or gitea
	api         string
	owner, name string
	remote      string
	token       string
	app         appCredentials
	signing     string // file
	mirrors     string // directory; the user's cache when empty
	base        string // the deployed branch; the forge's default when empty
	appToken    func(context.Context) (string, error)
}

// appCredentials are a GitHub App's, as the environment names them.
type appCredentials struct{ id, installation, keyFile string }

func (f forgeFlags) access(ctx context.Context, root string) (*access, error) {
	a := &access{kind: f.kind, remote: f.remote, base: f.base, signing: os.Getenv("PROMOTER_SIGNING_KEY_FILE")}
	if a.remote == "" {
		a.remote = remoteURL(ctx, root)
	}
	if a.remote == "" {
		return nil, &noAccess{fmt.Sprintf("%s has no remote named origin: name one with --remote", root)}
	}
	host, path := splitRemote(a.remote)
	if f.name != "" {
		path = f.name
	} else if env := os.Getenv("GITHUB_REPOSITORY"); env != "" && a.kind != "gitea" {
		path = env
	}
	owner, name, ok := strings.Cut(strings.Trim(path, "/"), "/")
	if !ok || strings.Contains(name, "/") || owner == "" || name == "" {
		return nil, fmt.Errorf("find the repository on its forge: %q is not owner/name: write --repository", path)
	}
	a.owner, a.name = owner, name
	if a.kind == "" {
		switch {
		case host == "github.com" || os.Getenv("GITHUB_ACTIONS") == "true" && os.Getenv("GITEA_ACTIONS") == "":
			a.kind = "github"
		default:
			return nil, &noAccess{fmt.Sprintf("nothing says what forge %s is: write --forge github or --forge gitea", host)}
		}
	}
	if err := a.address(f.url, host); err != nil {
		return nil, err
	}
	return a, a.credentials()
}

// address finds the API's address.
func (a *access) address(given, host string) error {
	switch {
	case a.kind == "github" && given == "":
		if a.api = os.Getenv("GITHUB_API_URL"); a.api == "https://api.github.com" {
			a.api = "" // github.com's is the default
		}
	case a.kind == "github" && !strings.Contains(given, "/api/") && !strings.HasPrefix(given, "http://127.0.0.1"):
		a.api = strings.TrimSuffix(given, "/") + "/api/v3"
	case a.kind == "github":
		a.api = given
	case a.kind == "gitea" && given == "":
		a.api = "https://" + host
	case a.kind == "gitea":
		a.api = strings.TrimSuffix(given, "/")
	default:
		return fmt.Errorf("--forge %q: write github or gitea", a.kind)
	}
	return nil
}

func (a *access) credentials() error {
	a.app = appCredentials{os.Getenv("PROMOTER_APP_ID"), os.Getenv("PROMOTER_APP_INSTALLATION_ID"), os.Getenv("PROMOTER_APP_KEY_FILE")}
	names := []string{"PROMOTER_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"}
	if a.kind == "gitea" {
		names = []string{"PROMOTER_TOKEN", "GITEA_TOKEN"}
	}
	for _, n := range names {
		if a.token = os.Getenv(n); a.token != "" {
			return nil
		}
	}
	if a.kind == "github" && a.app.id != "" {
		if a.app.installation == "" || a.app.keyFile == "" {
			return fmt.Errorf("PROMOTER_APP_ID is set: set PROMOTER_APP_INSTALLATION_ID and PROMOTER_APP_KEY_FILE too")
		}
		return nil
	}
	return &noAccess{"no token for the forge: set " + strings.Join(names, " or ")}
}

// splitRemote takes the host and path of a remote's URL, in any of Git's forms.
func splitRemote(remote string) (host, path string) {
	if u, err := url.Parse(remote); err == nil && u.Scheme != "" && u.Host != "" {
		return u.Hostname(), strings.TrimSuffix(u.Path, ".git")
	}
	if at, rest, ok := strings.Cut(remote, ":"); ok && !strings.Contains(at, "/") {
		return at[strings.LastIndexByte(at, '@')+1:], strings.TrimSuffix(rest, ".git")
	}
	return "", strings.TrimSuffix(remote, ".git")
}

// headCommit is the commit that a checkout is at, or "".
func headCommit(ctx context.Context, root string) string {
	out, err := exec.CommandContext(ctx, "git", "-C", root, "rev-parse", "HEAD").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// dirty reports what a checkout has changed besides its commit.
func dirty(ctx context.Context, root string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", "-C", root, "status", "--porcelain", "--untracked-files=no").Output()
	if err != nil {
		return "", fmt.Errorf("git status: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// clean refuses a checkout with changes that are not committed.
func clean(ctx context.Context, root string) error {
	changed, err := dirty(ctx, root)
	if err != nil {
		return err
	}
	if changed != "" {
		return fmt.Errorf("%s has changes that are not committed (%s): what is decided must be decided on the base branch", root, strings.ReplaceAll(changed, "\n", ", "))
	}
	return nil
}

// mirrorDir is where the repository's mirror is kept.
func (a *access) mirrorDir() (string, error) {
	mirrors := a.mirrors
	if mirrors == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find a cache directory: %w", err)
		}
		mirrors = filepath.Join(base, "promoter", "mirrors")
	}
	return filepath.Join(mirrors, mirrorName(a.remote)), nil
}

// maxMirrors is how many processes of one user may work on one repository at
// the same time, each on a mirror of its own.
const maxMirrors = 4

// repository opens the mirror through which branches are read and pushed, and
// says where it is. While another process has it (serve, say, while somebody
// asks it to explain), the next one is used.
func (a *access) repository(ctx context.Context) (*repo.Repo, string, error) {
	dir, err := a.mirrorDir()
	if err != nil {
		return nil, "", err
	}
	for n := 1; ; n++ {
		at := dir
		if n > 1 {
			at = fmt.Sprintf("%s-%d", dir, n)
		}
		wait := ctx
		if n < maxMirrors {
			short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			defer cancel()
			wait = short
		}
		r, err := a.open(wait, at)
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return r, at, err
		}
	}
}

func (a *access) open(ctx context.Context, dir string) (*repo.Repo, error) {
	var err error
	o := repo.Options{URL: a.remote, Dir: dir, Auth: a.gitAuth, Author: repo.Person{Name: "Promoter", Email: "promoter@users.noreply.invalid"}}
	if a.signing != "" {
		if o.Signer, err = signer(a.signing, os.Getenv("PROMOTER_SIGNING_KEY_PASSPHRASE")); err != nil {
			return nil, err
		}
	}
	return repo.Open(ctx, o)
}

func signer(file, passphrase string) (repo.Signer, error) {
	key, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	if strings.Contains(string(key), "BEGIN PGP") {
		return repo.NewOpenPGPSigner(key, passphrase)
	}
	return repo.NewSSHSigner(key, passphrase)
}

// mirrorName is a folder name for a remote: readable, and its own.
func mirrorName(remote string) string {
	host, path := splitRemote(remote)
	keep := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}
	sum := sha256.Sum256([]byte(remote))
	name := strings.Map(keep, strings.Trim(host+"_"+strings.Trim(path, "/"), "_"))
	return name[max(0, len(name)-80):] + "-" + hex.EncodeToString(sum[:4])
}

// connect makes the forge's driver.
func (a *access) connect(now func() time.Time) (gitops.Forge, error) {
	if a.kind == "gitea" {
		return gitea.New(gitea.Options{URL: a.api, Owner: a.owner, Repo: a.name, Token: a.forgeToken, Now: now})
	}
	o := github.Options{Owner: a.owner, Repo: a.name, BaseURL: a.api, Now: now}
	if a.token != "" {
		o.Token = a.forgeToken
		return github.New(o)
	}
	id, err := strconv.ParseInt(a.app.id, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("PROMOTER_APP_ID %q is not a number", a.app.id)
	}
	installation, err := strconv.ParseInt(a.app.installation, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("PROMOTER_APP_INSTALLATION_ID %q is not a number", a.app.installation)
	}
	key, err := os.ReadFile(a.app.keyFile)
	if err != nil {
		return nil, fmt.Errorf("read PROMOTER_APP_KEY_FILE: %w", err)
	}
	o.App = &github.App{ID: id, Installation: installation, Key: key}
	f, err := github.New(o)
	if err != nil {
		return nil, err
	}
	a.appToken = f.Token
	return f, nil
}

func (a *access) forgeToken(context.Context) (string, error) { return a.token, nil }

// gitAuth is what Git is told: over https, the same token as the API.
func (a *access) gitAuth(ctx context.Context) (repo.Auth, error) {
	token := a.token
	if a.appToken != nil {
		var err error
		if token, err = a.appToken(ctx); err != nil {
			return repo.Auth{}, err
		}
	}
	if !strings.HasPrefix(a.remote, "http") {
		return repo.Auth{}, nil // ssh has keys of its own, a path needs nothing
	}
	return repo.Auth{Password: token}, nil
}
