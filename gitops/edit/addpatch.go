package edit

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// What a patch's target is called. A name is a regular expression to
// kustomize, so it holds nothing that would be one.
var (
	objectGroup = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	objectKind  = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	objectName  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
)

// patch adds a patch of one field to a kustomization: an operation of a JSON
// patch, because a merge would replace a whole list, and would make up a field
// that is not there, where this fails to build.
func (a *adding) patch(in promoter.Insert, steps []step, value string) ([]byte, error) {
	switch {
	case !objectKind.MatchString(in.Kind), !objectName.MatchString(in.Name), in.Group != "" && !objectGroup.MatchString(in.Group):
		return nil, fmt.Errorf("%s %q is not called so that a patch would hit it alone", in.Kind, in.Name)
	case in.Beside != "":
		return nil, fmt.Errorf("a patch sets one field")
	case a.root == nil:
		return nil, fmt.Errorf("the file is empty")
	}
	if err := open(a.root); err != nil {
		return nil, err
	}
	pointer := pointerOf(steps)
	patches, err := only(a.root, "patches")
	if err != nil {
		return nil, err
	}
	indent, where, head := 2, 0, "patches:"+a.newline
	switch {
	case patches == nil:
		if column, err := a.column(a.root.Content[0].Start); err != nil || column != 0 {
			return nil, fmt.Errorf("its keys are indented")
		}
		where = a.lineEnd(a.root.End)
	case patches.Kind != yamltree.Sequence || patches.Flow || len(patches.Content) == 0 || patches.Anchor != "" || patches.Tag != "":
		return nil, fmt.Errorf("its patches are not a list with an entry a line")
	default:
		for _, item := range patches.Items() {
			if target := item.Get("target"); strings.Contains(item.Str("patch"), pointer) && target.Str("kind") == in.Kind && target.Str("name") == in.Name {
				return nil, fmt.Errorf("it is patched already")
			}
		}
		if indent, err = a.dash(patches.Content[0].Start); err != nil {
			return nil, err
		}
		where, head = a.lineEnd(patches.End), ""
	}
	var b strings.Builder
	b.WriteString(head)
	for _, line := range patchLines(in, pointer, value) {
		b.WriteString(strings.Repeat(" ", indent) + line + a.newline)
	}
	out := a.splice(where, b.String())
	return out, a.check(out, func(after *yamltree.Node) error { return a.hasPatch(after, patches, in, pointer, value) })
}

func patchLines(in promoter.Insert, pointer, value string) []string {
	lines := []string{"- target:"}
	if in.Group != "" {
		lines = append(lines, "    group: "+in.Group)
	}
	return append(lines,
		"    kind: "+in.Kind,
		"    name: "+plainOrQuoted(in.Name),
		"  patch: |-",
		"    - op: replace",
		"      path: "+pointer,
		"      value: "+strconv.Quote(value),
	)
}

// pointerOf is a path as a JSON patch writes it.
func pointerOf(steps []step) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteByte('/')
		if s.item {
			b.WriteString(strconv.Itoa(s.index))
		} else {
			b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(s.key))
		}
	}
	return b.String()
}

// dash is the column of the dash before a list's first item.
func (a *adding) dash(first int) (int, error) {
	line := a.data[bytes.LastIndexByte(a.data[:first], '\n')+1 : first]
	dash := bytes.IndexByte(line, '-')
	if dash < 0 || len(bytes.Trim(line[:dash], " ")) > 0 || len(bytes.Trim(line[dash+1:], " ")) > 0 {
		return 0, fmt.Errorf("its patches are not a list with an entry a line")
	}
	return dash, nil
}

// hasPatch compares the kustomization before and after: it has one patch more,
// which says what it should, and nothing else has changed.
func (a *adding) hasPatch(after, patches *yamltree.Node, in promoter.Insert, pointer, value string) error {
	keys := len(a.root.Content)
	if patches == nil {
		keys += 2
	}
	if len(after.Content) != keys {
		return fmt.Errorf("it would have other keys")
	}
	for i, n := range a.root.Content {
		if n != patches && !same(n, after.Content[i]) {
			return fmt.Errorf("%q would change", a.root.Content[i&^1].Value)
		}
	}
	list, err := only(after, "patches")
	if err != nil || list == nil || list.Kind != yamltree.Sequence {
		return fmt.Errorf("its patches would not be a list")
	}
	items := list.Content
	if patches != nil {
		if len(items) != len(patches.Content)+1 {
			return fmt.Errorf("it would have %d patches", len(items))
		}
		for i, n := range patches.Content {
			if !same(n, items[i]) {
				return fmt.Errorf("patch %d would change", i)
			}
		}
	}
	item := items[len(items)-1]
	target := item.Get("target")
	if item.Kind != yamltree.Mapping || target.Str("group") != in.Group || target.Str("kind") != in.Kind || target.Str("name") != in.Name {
		return fmt.Errorf("the patch would have another target")
	}
	docs, errs := yamltree.Parse([]byte(item.Str("patch")))
	if len(errs) > 0 || len(docs) != 1 || len(docs[0].Root.Items()) != 1 {
		return fmt.Errorf("the patch would not be one operation")
	}
	if op := docs[0].Root.Items()[0]; op.Str("op") != "replace" || op.Str("path") != pointer || op.Str("value") != value {
		return fmt.Errorf("the patch would do something else")
	}
	return nil
}
