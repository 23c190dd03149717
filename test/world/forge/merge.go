package forge

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A conflict is a merge that Git cannot make.
type conflict []string // paths

func (c conflict) Error() string { return "conflict in " + strings.Join(c, ", ") }

// threeWay merges what two commits made of a third into a tree. Only plumbing
// that every Git of the last years has is used: `merge-tree --write-tree`
// would be one process, but needs Git 2.38.
func (r *Repo) threeWay(base, ours, theirs string) (string, error) {
	mine, err := r.changes(base, ours)
	if err != nil {
		return "", err
	}
	changed, err := r.changes(base, theirs)
	if err != nil {
		return "", err
	}
	var fails conflict
	for path, their := range changed {
		my, both := mine[path]
		switch {
		case !both:
		case my == their:
			delete(changed, path)
		default:
			merged, ok, err := r.mergeFile(base, path, my, their)
			if err != nil {
				return "", err
			}
			if !ok {
				fails = append(fails, path)
			}
			changed[path] = merged
		}
	}
	if fails != nil {
		return "", fails
	}
	return r.splice(ours, changed)
}

// mergeFile merges a file that both sides changed.
func (r *Repo) mergeFile(base, path string, my, their change) (merged change, ok bool, err error) {
	if !strings.HasPrefix(my.mode, "100") || my.mode != their.mode {
		return change{}, false, nil // deleted, a link, a module, or two minds about the mode
	}
	dir, err := os.MkdirTemp(r.dir, "merge-")
	if err != nil {
		return change{}, false, err
	}
	defer os.RemoveAll(dir)
	for name, object := range map[string]string{"base": base + ":" + path, "ours": my.sha, "theirs": their.sha} {
		text, err := r.run(nil, nil, "cat-file", "blob", object)
		if err != nil {
			return change{}, false, nil // both added it
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return change{}, false, err
		}
	}
	out, err := r.run(nil, nil, "merge-file", "-p", filepath.Join(dir, "ours"), filepath.Join(dir, "base"), filepath.Join(dir, "theirs"))
	if code := exitCode(err); err != nil {
		if code > 0 && code < 128 {
			return change{}, false, nil // the number of conflicts
		}
		return change{}, false, err
	}
	sha, err := r.blob(out)
	return change{mode: my.mode, sha: sha}, err == nil, err
}

// mergeBase returns the best common ancestor.
func (r *Repo) mergeBase(a, b string) (string, error) {
	return r.git(nil, nil, "merge-base", a, b)
}

// join merges head into base in one of the three ways and returns the commit
// that the base branch is to be at.
func (r *Repo) join(method, base, head, title, message, login string) (string, error) {
	common, err := r.mergeBase(base, head)
	if err != nil {
		return "", err
	}
	tree, err := r.threeWay(common, base, head)
	if err != nil {
		return "", err
	}
	text := title
	if message != "" {
		text += "\n\n" + message
	}
	switch method {
	case "squash":
		return r.commit(tree, text, r.server.signature(login), r.server.machine(), base)
	case "rebase":
		return r.rebase(common, base, head)
	}
	return r.commit(tree, text, r.server.signature(login), r.server.machine(), base, head)
}

// rebase makes the commits between common and head anew, on base.
func (r *Repo) rebase(common, base, head string) (string, error) {
	list, err := r.git(nil, nil, "rev-list", "--reverse", "--topo-order", "--no-merges", common+".."+head)
	if err != nil {
		return "", err
	}
	at := base
	for _, c := range strings.Fields(list) {
		tree, err := r.threeWay(c+"^", at, c)
		if err != nil {
			return "", err
		}
		said, err := r.git(nil, nil, "show", "-s", "--format=%an%x00%ae%x00%at%x00%B", c)
		if err != nil {
			return "", err
		}
		f := strings.SplitN(said, "\x00", 4)
		if len(f) != 4 {
			return "", fmt.Errorf("read commit %s: %q", c, said)
		}
		seconds, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			return "", err
		}
		author := signature{name: f[0], email: f[1], at: time.Unix(seconds, 0)}
		if at, err = r.commit(tree, strings.TrimRight(f[3], "\n")+"\n", author, r.server.machine(), at); err != nil {
			return "", err
		}
	}
	return at, nil
}
