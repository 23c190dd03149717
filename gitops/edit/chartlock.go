package edit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/Masterminds/semver/v3"
	"sigs.k8s.io/yaml"
)

// Dependency is an entry of dependencies in Chart.yaml, requirements.yaml or
// a lock file. It has the fields of Helm's own type, in the same order: Helm's
// digest is made of their JSON.
type Dependency struct {
	Name         string   `json:"name"`
	Version      string   `json:"version,omitempty"`
	Repository   string   `json:"repository"`
	Condition    string   `json:"condition,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	Enabled      bool     `json:"enabled,omitempty"`
	ImportValues []any    `json:"import-values,omitempty"`
	Alias        string   `json:"alias,omitempty"`
}

// Lock is a Chart.lock or requirements.lock.
type Lock struct {
	Generated    time.Time     `json:"generated"`
	Digest       string        `json:"digest"` // of the requirements and the locked dependencies together
	Dependencies []*Dependency `json:"dependencies"`
}

// Dependencies reads the dependencies of a Chart.yaml, requirements.yaml or
// lock file, as Helm reads them.
func Dependencies(data []byte) ([]*Dependency, error) {
	var file struct {
		Dependencies []*Dependency `json:"dependencies"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read chart dependencies: %w", err)
	}
	for i, d := range file.Dependencies {
		if d == nil || d.Name == "" {
			return nil, fmt.Errorf("read chart dependencies: entry %d has no name", i)
		}
		for _, s := range append([]string{d.Name, d.Version, d.Repository, d.Condition}, d.Tags...) {
			// Helm rewrites such texts before it makes the digest.
			if strings.ContainsFunc(s, func(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }) {
				return nil, fmt.Errorf("read chart dependencies: %q holds a character that cannot be printed", s)
			}
		}
	}
	return file.Dependencies, nil
}

// LockDigest is the digest that Helm 3 writes into a lock file: SHA-256 of the
// JSON of the requirements and of what they were locked to
// (helm.sh/helm/v3/internal/resolver, HashReq).
func LockDigest(requirements, locked []*Dependency) (string, error) {
	data, err := json.Marshal([2][]*Dependency{requirements, locked})
	if err != nil {
		return "", fmt.Errorf("digest chart dependencies: %w", err)
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// LockFile is the text of the lock file that Helm would write for the
// requirements, locked to these versions at this time.
func LockFile(requirements, locked []*Dependency, generated time.Time) ([]byte, error) {
	digest, err := LockDigest(requirements, locked)
	if err != nil {
		return nil, err
	}
	data, err := yaml.Marshal(Lock{Generated: generated, Digest: digest, Dependencies: locked})
	if err != nil {
		return nil, fmt.Errorf("write chart lock: %w", err)
	}
	return data, nil
}

// ErrLockStale says that a lock file did not belong to its chart before the
// edit: what Helm would write cannot be known from it.
var ErrLockStale = errors.New("the lock file is out of sync with the chart")

// Relock returns the lock file for a chart whose dependencies were edited.
// Before and after are the texts of Chart.yaml (or requirements.yaml), lock is
// that of the lock file, and versions gives the release that each edited
// dependency is locked to, by its index in the list; the others keep theirs.
// When nothing changes, lock itself is returned, as Helm leaves it.
//
// It refuses a version that the chart's requirement does not admit, and a lock
// file that was out of sync already (ErrLockStale).
func Relock(before, after, lock []byte, versions map[int]string, generated time.Time) ([]byte, error) {
	old, err := Dependencies(before)
	if err != nil {
		return nil, err
	}
	requirements, err := Dependencies(after)
	if err != nil {
		return nil, err
	}
	var was Lock
	if err := yaml.Unmarshal(lock, &was); err != nil {
		return nil, fmt.Errorf("read chart lock: %w", err)
	}
	if len(old) != len(requirements) || len(was.Dependencies) != len(old) {
		return nil, fmt.Errorf("relock: %w: %d dependencies, and %d locked", ErrLockStale, len(old), len(was.Dependencies))
	}
	locked := make([]*Dependency, len(was.Dependencies))
	for i, d := range was.Dependencies {
		if d == nil || d.Name != old[i].Name || d.Name != requirements[i].Name {
			return nil, fmt.Errorf("relock: %w: entry %d is not %q", ErrLockStale, i, old[i].Name)
		}
		copied := *d
		locked[i] = &copied
		if v, ok := versions[i]; ok {
			locked[i].Version = v
		}
		if err := admits(requirements[i], locked[i].Version); err != nil {
			return nil, err
		}
		// Helm puts the address of a named repository in before it makes the
		// digest; only the lock file says which it is.
		for _, r := range []*Dependency{old[i], requirements[i]} {
			if strings.HasPrefix(r.Repository, "@") || strings.HasPrefix(r.Repository, "alias:") {
				r.Repository = d.Repository
			}
		}
		locked[i].Repository = requirements[i].Repository
	}
	digest, err := LockDigest(old, was.Dependencies)
	if err != nil {
		return nil, err
	}
	if digest != was.Digest {
		return nil, fmt.Errorf("relock: %w: its digest is of other dependencies", ErrLockStale)
	}
	if digest, err = LockDigest(requirements, locked); err != nil {
		return nil, err
	}
	if digest == was.Digest {
		return lock, nil
	}
	return LockFile(requirements, locked, generated)
}

// admits checks a locked version against the requirement, as Helm resolves it.
func admits(d *Dependency, version string) error {
	if d.Repository == "" && d.Version == version {
		return nil // a directory below charts/ is locked to what is written
	}
	c, err := semver.NewConstraint(d.Version)
	if err != nil {
		return fmt.Errorf("relock %q: requirement %q: %w", d.Name, d.Version, err)
	}
	v, err := semver.NewVersion(version)
	if err != nil {
		return fmt.Errorf("relock %q: version %q: %w", d.Name, version, err)
	}
	if !c.Check(v) {
		return fmt.Errorf("relock %q: the chart requires %q, which does not admit %s", d.Name, d.Version, version)
	}
	return nil
}
