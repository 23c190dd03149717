package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// cost is what one piece of work takes.
type cost struct {
	Wall     float64 `json:"wall"` // seconds
	CPU      float64 `json:"cpu"`  // seconds
	Peak     float64 `json:"peak"` // MB of memory
	Exit     int     `json:"exit"`
	Requests int64   `json:"-"`
	Bytes    int64   `json:"-"` // of bodies, both ways
}

// heading and row print a table in Markdown.
func heading(w io.Writer, first string) {
	fmt.Fprintf(w, "| %s | wall s | CPU s | peak MB | requests | MB moved |\n|---|---:|---:|---:|---:|---:|\n", first)
}

func (c cost) row(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, "| %s | %.2f | %.2f | %.0f | %d | %.2f |\n", fmt.Sprintf(format, args...), c.Wall, c.CPU, c.Peak, c.Requests, float64(c.Bytes)/1e6)
}

// meter counts what passes a handler.
type meter struct{ requests, bytes atomic.Int64 }

// mark is what was counted so far; since adds what was counted after a mark.
func (m *meter) mark() [2]int64 { return [2]int64{m.requests.Load(), m.bytes.Load()} }

func (m *meter) since(mark [2]int64, c *cost) {
	c.Requests += m.requests.Load() - mark[0]
	c.Bytes += m.bytes.Load() - mark[1]
}

func (m *meter) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	m.requests.Add(1)
	if r.Body != nil {
		r.Body = &countedBody{r.Body, &m.bytes}
	}
	next.ServeHTTP(&countedAnswer{w, &m.bytes}, r)
}

type countedBody struct {
	io.ReadCloser
	n *atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}

type countedAnswer struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (a *countedAnswer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.n.Add(int64(n))
	return n, err
}

// Unwrap lets http.ResponseController flush.
func (a *countedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// measured runs a command and returns what it took and what it printed. A
// process in between starts it: the kernel takes a process's peak memory for
// that of the one that started it when that was larger.
func measured(ctx context.Context, dir string, env []string, args ...string) (cost, string, error) {
	self, err := os.Executable()
	if err != nil {
		return cost{}, "", err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"account"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Env = append(cmd.Env, asProgram+"=1")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	figures, write, err := os.Pipe()
	if err != nil {
		return cost{}, "", err
	}
	defer figures.Close()
	cmd.ExtraFiles = []*os.File{write}
	err = cmd.Run()
	write.Close()
	if err != nil {
		return cost{}, "", fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, tail(said.String()))
	}
	var c cost
	if err := json.NewDecoder(figures).Decode(&c); err != nil {
		return c, "", fmt.Errorf("%s: read its figures: %w", args[0], err)
	}
	return c, out.String() + said.String(), nil
}

// asProgram tells the test's binary to be this program.
const asProgram = "BIG_AS_PROGRAM"

// account runs a command and writes what the kernel counted to descriptor 3.
func account(ctx context.Context, args []string, _ io.Writer) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	began := time.Now()
	err := cmd.Run()
	wall := time.Since(began)
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return err
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return errors.New("this system does not account for processes")
	}
	return json.NewEncoder(os.NewFile(3, "figures")).Encode(cost{
		Wall: wall.Seconds(), CPU: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		Peak: float64(usage.Maxrss) / 1024, Exit: cmd.ProcessState.ExitCode(),
	})
}

// own is what this process has taken so far: CPU seconds, and MB at the peak.
func own() (cpu, peak float64) {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // zero where it is not to be had
	cpu = float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
	status, _ := os.ReadFile("/proc/self/status")
	for l := range strings.Lines(string(status)) {
		var kb float64
		if n, _ := fmt.Sscanf(l, "VmHWM: %f kB", &kb); n == 1 {
			peak = kb / 1024
		}
	}
	return cpu, peak
}

func tail(s string) string { return s[max(0, len(s)-2000):] }
