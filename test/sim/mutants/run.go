package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Fate is what became of a mutant.
type Fate struct {
	Mutant
	Killed string // by which law, or "scenario"; empty: it survived
	Seed   string
	Wrong  string // why it says nothing: it does not apply, or does not compile
}

// Lab builds mutants of the module at Root, in a directory of its own.
type Lab struct {
	Root, Dir string
	Seeds     int
	besides   string // seeds that break a law without any mutant
}

// Check says what is wrong with a list: every edit must apply.
func (l *Lab) Check(list []Mutant) error {
	var all []error
	for i, m := range list {
		data, err := os.ReadFile(filepath.Join(l.Root, m.File))
		if err != nil {
			return err
		}
		if n := strings.Count(string(data), m.Old); n != 1 {
			all = append(all, fmt.Errorf("mutant %d (%s): its text stands %d times in %s:\n%s", i, m.Why, n, m.File, m.Old))
		}
	}
	return errors.Join(all...)
}

// Prepare finds the seeds that break a law as things are: they prove nothing.
func (l *Lab) Prepare(ctx context.Context) error {
	bin, err := l.build(ctx, "none", nil)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "nice", bin, "-seeds", fmt.Sprint(l.Seeds), "-list").Output()
	if err != nil {
		return fmt.Errorf("run what is not mutated: %w", err)
	}
	l.besides = strings.TrimSpace(string(out))
	return nil
}

// Besides are the seeds that break a law without any mutant.
func (l *Lab) Besides() string { return l.besides }

// Try lets stories happen with a mutant until one breaks a law.
func (l *Lab) Try(ctx context.Context, m Mutant) Fate {
	f := Fate{Mutant: m}
	overlay, err := l.overlay(m)
	if err != nil {
		f.Wrong = err.Error()
		return f
	}
	bin, err := l.build(ctx, "mutant", []string{"-overlay", overlay})
	if err != nil {
		f.Wrong = err.Error()
		return f
	}
	out, err := exec.CommandContext(ctx, "nice", bin, "-seeds", fmt.Sprint(l.Seeds), "-besides", l.besides).CombinedOutput()
	text := strings.TrimSpace(string(out))
	seed, law, broke := strings.Cut(text, "\t")
	switch {
	case err == nil:
	case broke:
		f.Killed, f.Seed = law, seed
	case strings.Contains(text, "panic:") || strings.Contains(text, "fatal error:"):
		f.Killed, f.Seed = "it panics", ""
	default:
		f.Wrong = text
	}
	return f
}

// Scenarios reports whether a scenario, or a test of the edges, catches a mutant
// that no story does.
func (l *Lab) Scenarios(ctx context.Context, m Mutant) (bool, error) {
	overlay, err := l.overlay(m)
	if err != nil {
		return false, err
	}
	cmd := exec.CommandContext(ctx, "nice", "go", "test", "-overlay", overlay, "-run", "Scenarios|Found|TwoSayItOnce|AVerdictStands|BesideOthers", "./test/plan", "./test/sim", "./gitops")
	cmd.Dir = l.Root
	return cmd.Run() != nil, nil
}

// overlay writes the mutated file, and the file that lays it over.
func (l *Lab) overlay(m Mutant) (string, error) {
	file := filepath.Join(l.Root, m.File)
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if strings.Count(string(data), m.Old) != 1 {
		return "", errors.New("its text does not stand there once")
	}
	changed := filepath.Join(l.Dir, "changed.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(data), m.Old, m.New, 1)), 0o600); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(l.Dir, "overlay.json")
	return overlay, os.WriteFile(overlay, list, 0o600)
}

func (l *Lab) build(ctx context.Context, name string, args []string) (string, error) {
	bin := filepath.Join(l.Dir, name)
	cmd := exec.CommandContext(ctx, "nice", append(append([]string{"go", "build"}, args...), "-o", bin, "./test/sim/mutants/victim")...)
	cmd.Dir = l.Root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return bin, nil
}
