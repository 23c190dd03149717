package repo

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
)

// The benchmarks commit 10 edits on a repository of 20,000 files and push
// them to a local bare repository, by this package, by the git program, and by
// go-git's own push. REPO_COMMITS sets how much history the repository has
// (default 2,000):
//
//	REPO_COMMITS=250000 go test -run xxx -bench . -benchtime 20x ./gitops/repo
const benchFiles, benchEdits = 20_000, 10

func benchPath(i int) string {
	return fmt.Sprintf("apps/team-%02d/app-%03d/env-%d/values.yaml", i%50, i/50%100, i/5000)
}

// benchRemote makes the repository by one stream into git fast-import.
func benchRemote(b *testing.B) string {
	b.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		b.Skip("the git program is not here")
	}
	commits := 2000
	if s := os.Getenv("REPO_COMMITS"); s != "" {
		if _, err := fmt.Sscan(s, &commits); err != nil {
			b.Fatal(err)
		}
	}
	dir := filepath.Join(b.TempDir(), "remote.git")
	git(b, "", "init", "-q", "--bare", "-b", "main", dir)
	cmd := exec.Command("git", "fast-import", "--quiet", "--force")
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(in)
	file := func(i, v int) {
		text := fmt.Sprintf("image:\n  repository: ghcr.io/example/app-%d\n  tag: 1.%d.0\nreplicas: 2\n# %s\n", i, v, strings.Repeat("x", 400+i%300))
		fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n%s\n", benchPath(i), len(text), text)
	}
	for n := range commits {
		fmt.Fprintf(w, "commit refs/heads/main\ncommitter Someone <s@example.com> %d +0000\ndata 6\nchange\n", 1_500_000_000+n*600)
		if n == 0 {
			for i := range benchFiles {
				file(i, 0)
			}
			continue
		}
		file(n*7919%benchFiles, n)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return dir
}

func benchFilesOf(n int) map[string][]byte {
	files := map[string][]byte{}
	for i := range benchEdits {
		files[benchPath(i*1999)] = fmt.Appendf(nil, "image:\n  tag: 2.%d.%d\n", n, i)
	}
	return files
}

// commitAndPush is the whole work of one pull's branch.
func commitAndPush(ctx context.Context, r *Repo, branch string, n int) error {
	h, err := r.Heads(ctx, "main")
	if err != nil {
		return err
	}
	c, err := r.Commit(h["main"], benchFilesOf(n), "Update", time.Unix(1_750_000_000, 0))
	if err != nil {
		return err
	}
	return r.Push(ctx, branch, c, "")
}

func BenchmarkCommitAndPush(b *testing.B) {
	remote := benchRemote(b)
	b.Run("promoter", func(b *testing.B) {
		r := open(b, "file://"+remote)
		heads(b, r, "main")
		n := 0
		for b.Loop() {
			n++
			if err := commitAndPush(context.Background(), r, fmt.Sprintf("promoter/bench-%d-%d", b.N, n), n); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		r.Close()
		b.ReportMetric(ownProcess(b, r.opt.Dir, remote).CPU, "cpu-ms/process")
		b.ReportMetric(ownProcess(b, r.opt.Dir, remote).Peak, "peak-MB/process")
	})
	b.Run("commit-only", func(b *testing.B) {
		r := open(b, "file://"+remote)
		base := heads(b, r, "main")["main"]
		n := 0
		for b.Loop() {
			n++
			if _, err := r.Commit(base, benchFilesOf(n), "Update", time.Unix(1_750_000_000, 0)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("git", func(b *testing.B) {
		mirror := filepath.Join(b.TempDir(), "mirror.git")
		git(b, "", "clone", "-q", "--bare", "--depth", "20", "--single-branch", "file://"+remote, mirror)
		n, peak := 0, int64(0)
		var cpu time.Duration
		for b.Loop() {
			n++
			peak = max(peak, gitCommitAndPush(b, mirror, fmt.Sprintf("promoter/git-%d-%d", b.N, n), n, &cpu))
		}
		b.ReportMetric(float64(cpu.Microseconds())/1000/float64(n), "cpu-ms/process")
		b.ReportMetric(float64(peak)/1024, "peak-MB/process")
	})
	b.Run("go-git-push", func(b *testing.B) {
		mirror := filepath.Join(b.TempDir(), "mirror.git")
		clone, err := gogit.PlainClone(mirror, true, &gogit.CloneOptions{URL: "file://" + remote, Depth: 1, SingleBranch: true, Tags: gogit.NoTags})
		if err != nil {
			b.Fatal(err)
		}
		head, err := clone.Head()
		if err != nil {
			b.Fatal(err)
		}
		// The commit is made as ours is; the push is go-git's.
		r := &Repo{opt: Options{Author: bot, Committer: bot}, store: openStore(mirror)}
		n := 0
		for b.Loop() {
			n++
			c, err := r.Commit(head.Hash().String(), benchFilesOf(n), "Update", time.Unix(1_750_000_000, 0))
			if err != nil {
				b.Fatal(err)
			}
			if err := r.store.SetReference(plumbing.NewHashReference("refs/heads/bench", plumbing.NewHash(c))); err != nil {
				b.Fatal(err)
			}
			spec := config.RefSpec(fmt.Sprintf("refs/heads/bench:refs/heads/promoter/gogit-%d-%d", b.N, n))
			push := gogit.NewRemote(r.store, &config.RemoteConfig{Name: "origin", URLs: []string{"file://" + remote}})
			if err := push.Push(&gogit.PushOptions{RefSpecs: []config.RefSpec{spec}}); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		r.store.Close()
	})
}

// BenchmarkColdMirror makes the mirror: what a first run pays.
func BenchmarkColdMirror(b *testing.B) {
	remote := benchRemote(b)
	b.Run("promoter", func(b *testing.B) {
		for b.Loop() {
			r := open(b, "file://"+remote)
			heads(b, r, "main")
			r.Close()
		}
		b.StopTimer()
		b.ReportMetric(ownProcess(b, b.TempDir(), remote).Peak, "peak-MB/process")
	})
	b.Run("git", func(b *testing.B) {
		for b.Loop() {
			git(b, "", "clone", "-q", "--bare", "--depth", "20", "--single-branch", "file://"+remote, filepath.Join(b.TempDir(), "mirror.git"))
		}
	})
}

// gitCommitAndPush does the same with the git program, without a worktree,
// and returns the peak memory of its processes in KB.
func gitCommitAndPush(b *testing.B, mirror, branch string, n int, cpu *time.Duration) (peak int64) {
	b.Helper()
	index := filepath.Join(b.TempDir(), "index")
	run := func(input string, args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Dir = mirror
		cmd.Stdin = strings.NewReader(input)
		cmd.Env = append(os.Environ(), "GIT_INDEX_FILE="+index, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=P", "GIT_AUTHOR_EMAIL=p@example.com",
			"GIT_COMMITTER_NAME=P", "GIT_COMMITTER_EMAIL=p@example.com")
		cmd.Stderr = io.Discard
		out, err := cmd.Output()
		if err != nil {
			b.Fatalf("git %v: %v", args, err)
		}
		peak = max(peak, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
		*cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		return strings.TrimSpace(string(out))
	}
	run("", "ls-remote", "origin", "refs/heads/main")
	run("", "read-tree", "main")
	var info strings.Builder
	for path, data := range benchFilesOf(n) {
		fmt.Fprintf(&info, "100644 %s\t%s\n", run(string(data), "hash-object", "-w", "--stdin"), path)
	}
	run(info.String(), "update-index", "--index-info")
	commit := run("", "commit-tree", "-p", "main", "-m", "Update", run("", "write-tree"))
	run("", "push", "-q", "--force-with-lease=refs/heads/"+branch+":", "origin", commit+":refs/heads/"+branch)
	return peak
}

// processFigures are what a process of its own prints.
type processFigures struct {
	CPU  float64 `json:"cpuMs"`
	Peak float64 `json:"peakMB"` // VmHWM
}

// ownProcess does the work once in a process of its own.
func ownProcess(b *testing.B, mirror, remote string) processFigures {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "REPO_MIRROR="+mirror, "REPO_REMOTE=file://"+remote, fmt.Sprintf("REPO_BRANCH=promoter/process-%d", time.Now().UnixNano()))
	out, err := cmd.Output()
	var f processFigures
	if err == nil {
		err = json.Unmarshal(out, &f)
	}
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return f
}

func TestMain(m *testing.M) {
	if os.Getenv("REPO_MIRROR") == "" {
		os.Exit(m.Run())
	}
	ctx := context.Background()
	r, err := Open(ctx, Options{URL: os.Getenv("REPO_REMOTE"), Dir: os.Getenv("REPO_MIRROR"), Author: bot})
	if err == nil {
		err = commitAndPush(ctx, r, os.Getenv("REPO_BRANCH"), int(time.Now().UnixNano()))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	r.Close()
	var f processFigures
	var usage syscall.Rusage
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} { // file:// runs git's two ends
		_ = syscall.Getrusage(who, &usage)
		f.CPU += float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
	}
	status, _ := os.ReadFile("/proc/self/status")
	for l := range strings.Lines(string(status)) {
		var kb float64
		if n, _ := fmt.Sscanf(l, "VmHWM: %f kB", &kb); n == 1 {
			f.Peak = kb / 1024
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(f)
}
