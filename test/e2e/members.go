package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// mark is the environment variable by which all is known that a world started,
// and what that has started in its turn: Git's own housekeeping, for one, leaves
// the group of the process that began it.
const mark = "PROMOTER_E2E_WORLD"

// member is a process of a world.
type member struct {
	id   int
	name string
}

// members are all processes of this world that run.
func (w *World) members() []member {
	var out []member
	all, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is a good one
	for _, file := range all {
		environment, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended, or is another user's
		}
		if !slices.ContainsFunc(bytes.Split(environment, []byte{0}), func(v []byte) bool { return string(v) == mark+"="+w.Dir }) {
			continue
		}
		dir := filepath.Dir(file)
		id, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || id == os.Getpid() {
			continue
		}
		name, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err != nil {
			continue
		}
		out = append(out, member{id, strings.TrimSpace(string(name))})
	}
	return out
}

// sweep ends what is left of the world, and says what it was.
func (w *World) sweep() []string {
	var names []string
	for range 50 {
		left := w.members()
		if len(left) == 0 {
			return names
		}
		for _, m := range left {
			if !slices.Contains(names, m.name) {
				names = append(names, m.name)
			}
			_ = syscall.Kill(m.id, syscall.SIGKILL) // who has ended meanwhile is as wanted
		}
		// They are children of others, and nobody tells us of their end.
		<-time.After(20 * time.Millisecond)
	}
	return names
}

// Memory is what all processes of the world use together, and of it what the
// product does, in bytes: pages that several share count once (proportional set
// size).
func (w *World) Memory() (all, product int64) {
	for _, m := range w.members() {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", m.id))
		if err != nil {
			continue // it has ended
		}
		for line := range strings.Lines(string(data)) {
			var kb int64
			if n, _ := fmt.Sscanf(line, "Pss: %d kB", &kb); n == 1 {
				all += kb << 10
				if m.name == "promoter" {
					product += kb << 10
				}
			}
		}
	}
	return all, product
}
