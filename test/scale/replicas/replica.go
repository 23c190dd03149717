package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"promoter/test/world"
)

// replica is a running `promoter serve`.
type replica struct {
	name string
	cmd  *exec.Cmd
	url  string
	mu   sync.Mutex
	log  bytes.Buffer
	done chan struct{}
}

// Write takes the process' log.
func (r *replica) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func (r *replica) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

var listening = regexp.MustCompile(`msg=listening address=(\S+)`)

// begin starts a replica with caches of its own, as a pod has them.
func (e *estate) begin(ctx context.Context, binary, name string) (*replica, error) {
	e.forge.AddToken(name+tokenTail, "promoter", true)
	home := filepath.Join(e.dir, name)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	config, err := e.kubeconfig(home, name)
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "--elect", "--kubeconfig", config, "--listen", "127.0.0.1:0", "--forge", "github", "--forge-url", e.forge.API(), "--lookup", "15s"}
	for _, r := range e.repos {
		args = append(args, "--repo", r.CloneURL(""))
	}
	r := &replica{name: name, cmd: exec.CommandContext(ctx, binary, args...), done: make(chan struct{})}
	r.cmd.Dir = home
	r.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PROMOTER_TOKEN=" + name + tokenTail, world.ArgoTokenName + "=" + world.ArgoToken, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"}
	for _, v := range []string{"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "DOCKER_CONFIG", "TMPDIR"} {
		r.cmd.Env = append(r.cmd.Env, v+"="+home)
	}
	r.cmd.Stderr = r
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = r.cmd.Wait(); close(r.done) }()
	err = wait(ctx, name+" listens", time.Minute, func() bool {
		m := listening.FindStringSubmatch(r.said())
		if m != nil {
			r.url = "http://" + m[1]
		}
		return m != nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w:\n%s", err, r.said())
	}
	return r, nil
}

// ready reports whether the replica has looked at everything that it leads.
func (r *replica) ready() bool {
	resp, err := http.Get(r.url + "/readyz")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// cost is what a process has used until now.
type cost struct {
	cpu time.Duration
	rss int // MiB, now
}

// cost reads what the kernel says; its own child processes are not in it.
func (r *replica) cost() cost {
	var c cost
	pid := strconv.Itoa(r.cmd.Process.Pid)
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return c
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) > 12 {
		user, _ := strconv.Atoi(fields[11]) // the kernel writes numbers
		system, _ := strconv.Atoi(fields[12])
		c.cpu = time.Duration(user+system) * (time.Second / 100)
	}
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return c
	}
	for l := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(l, "VmRSS:"); ok {
			_, _ = fmt.Sscan(kib, &c.rss)
			c.rss >>= 10
		}
	}
	return c
}

// wait asks again and again until it is so.
func wait(ctx context.Context, what string, most time.Duration, is func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("not after %s: %s", most, what)
		case <-tick.C:
		}
	}
	return nil
}
