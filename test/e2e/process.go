package e2e

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a server that was started. It is the leader of a group of its own.
type Process struct {
	Name string
	Log  string // file

	cmd  *exec.Cmd
	done chan struct{}
	err  error // once done
}

// Command is what a process runs.
type Command struct {
	Name string // of the process, and of its log
	Path string
	Args []string
	Env  []string // beside a few that every process gets
	Dir  string
}

// spawner starts every process from one thread that never ends: the kernel
// sends the signal for the death of a parent when the thread that forked ends.
var spawner = sync.OnceValue(func() chan func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// StartProcess starts a process that dies with this one.
// What it says is added to NAME.log in a folder.
func StartProcess(logs string, c Command) (*Process, error) {
	file := filepath.Join(logs, c.Name+".log")
	log, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &Process{Name: c.Name, Log: file, done: make(chan struct{})}
	p.cmd = exec.Command(c.Path, c.Args...)
	p.cmd.Dir = c.Dir
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + logs, "LANG=C", "TMPDIR=" + os.TempDir(), mark + "=" + os.Getenv(mark)}, c.Env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	spawner() <- func() { started <- p.cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// ID is the process's id.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Done is closed when it has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Alive fails once the process has ended, with the end of its log.
func (p *Process) Alive() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s has ended (%w): %s", p.Name, errors.Join(p.err, errors.New("see "+p.Log)), tail(p.Log, 1500))
	default:
		return nil
	}
}

// Stop asks the process to end, and ends its whole group if it does not, or
// leaves something behind.
func (p *Process) Stop() {
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
	}
	p.Kill()
}

// Kill ends the process and its group at once.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// Signal sends a signal to the process and its group.
func (p *Process) Signal(s syscall.Signal) {
	_ = syscall.Kill(-p.ID(), s) // an empty group is as wanted
}

func tail(file string, most int64) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, io.SeekEnd)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
