package edit

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"time"

	"promoter/promoter"
)

// ReadFile returns a file of the commit that edits are made on; ok is false
// when it does not exist there.
type ReadFile func(path string) (data []byte, ok bool, err error)

// Files makes edits: it returns the files that change, whole. Beside the edited
// scalars that is the lock file of a chart whose dependencies changed, written
// as Helm would write it at that time. Equal input gives equal output, so that
// whoever sees the result can make it again and compare.
func Files(read ReadFile, edits []promoter.Edit, at time.Time) (map[string][]byte, error) {
	byFile := map[string][]promoter.Edit{}
	for _, e := range edits {
		byFile[e.Place.File] = append(byFile[e.Place.File], e)
	}
	out := make(map[string][]byte, len(byFile))
	for file, list := range byFile {
		before, ok, err := read(file)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("edit %s: %w: the file does not exist", file, ErrMoved)
		}
		after, err := editFile(file, before, list)
		if err != nil {
			return nil, err
		}
		out[file] = after
		if err := lockBeside(read, out, file, before, after, list, at); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// editFile sets scalars, and then adds what is not written yet.
func editFile(file string, data []byte, edits []promoter.Edit) ([]byte, error) {
	var sets []Set
	for _, e := range edits {
		if e.Image == "" && e.Insert == (promoter.Insert{}) {
			sets = append(sets, Set{Place: e.Place, To: e.To})
		}
	}
	out, err := Apply(data, sets)
	for _, e := range edits {
		switch {
		case err != nil:
		case e.Insert != promoter.Insert{}:
			out, err = Add(file, out, e.Insert, e.To)
		case e.Image != "":
			out, err = InsertImage(file, out, e.Image, e.To)
		}
	}
	return out, err
}

// lockFiles are the lock files of the files that name a chart's dependencies.
var lockFiles = map[string]string{"Chart.yaml": "Chart.lock", "requirements.yaml": "requirements.lock"}

var dependencyVersion = regexp.MustCompile(`^dependencies\[(\d+)\]\.version$`)

// lockBeside adds the lock file of a chart whose dependencies were edited, if
// it has one.
func lockBeside(read ReadFile, out map[string][]byte, file string, before, after []byte, edits []promoter.Edit, at time.Time) error {
	name, ok := lockFiles[path.Base(file)]
	if !ok {
		return nil
	}
	versions := map[int]string{}
	for _, e := range edits {
		if m := dependencyVersion.FindStringSubmatch(e.Place.Path); m != nil && e.Release != "" {
			i, err := strconv.Atoi(m[1])
			if err != nil {
				return fmt.Errorf("edit %s: dependency %q: %w", file, m[1], err)
			}
			versions[i] = e.Release
		}
	}
	lockPath := path.Join(path.Dir(file), name)
	lock, ok, err := read(lockPath)
	if err != nil || !ok || len(versions) == 0 {
		return err
	}
	relocked, err := Relock(before, after, lock, versions, at)
	if err != nil {
		return fmt.Errorf("edit %s: %w", lockPath, err)
	}
	if !slices.Equal(relocked, lock) {
		out[lockPath] = relocked
	}
	return nil
}
