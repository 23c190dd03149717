package edit

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"promoter/promoter/yamltree"
)

// InsertImage adds an entry to a kustomization's images: from then on it sets
// this image's tag for everything that the kustomization builds. The lines are
// put behind the last entry, or at the file's end where it has no images yet,
// and no other byte changes. An image that is listed already is refused: its
// own scalar is the place to edit.
func InsertImage(file string, data []byte, name, tag string) ([]byte, error) {
	refuse := func(why string) ([]byte, error) { return nil, fmt.Errorf("add image %q to %s: %s", name, file, why) }
	if name == "" || tag == "" || strings.ContainsAny(name+tag, "\r\n\"\\") {
		return refuse("no image and tag that can be written")
	}
	docs, errs := yamltree.Parse(data)
	if len(errs) > 0 || len(docs) != 1 || docs[0].Root == nil || docs[0].Root.Kind != yamltree.Mapping || docs[0].Root.Flow {
		return refuse("it is not one plain mapping")
	}
	root := docs[0].Root
	newline := "\n"
	if bytes.Contains(data, []byte("\r\n")) {
		newline = "\r\n"
	}
	entry := func(indent string) string {
		return indent + "- name: " + plainOrQuoted(name) + newline + indent + "  newTag: " + strconv.Quote(tag) + newline
	}
	images := value(root, "images")
	at := len(data)
	text := ""
	switch {
	case images == nil:
		if line := bytes.TrimRight(data[root.End:], " \t\r\n"); len(line) > 0 && bytes.Contains(data[root.End:], []byte("\n...")) {
			return refuse("its document is ended by \"...\"")
		}
		text = "images:" + newline + entry("  ")
	case images.Kind != yamltree.Sequence || images.Flow || len(images.Content) == 0:
		return refuse("its images are not a list with an entry a line")
	default:
		for _, item := range images.Items() {
			if item.Str("name") == name {
				return refuse("it is listed already")
			}
		}
		first := images.Content[0].Start
		start := bytes.LastIndexByte(data[:first], '\n') + 1
		dash := bytes.IndexByte(data[start:first], '-')
		if dash < 0 {
			return refuse("its images are not a list with an entry a line")
		}
		if end := bytes.IndexByte(data[images.End:], '\n'); end >= 0 {
			at = images.End + end + 1
		}
		text = entry(strings.Repeat(" ", dash))
	}
	if at == len(data) && len(data) > 0 && data[len(data)-1] != '\n' {
		text = newline + strings.TrimSuffix(text, newline) // as it was: no final line break
	}
	out := append(append(append(make([]byte, 0, len(data)+len(text)), data[:at]...), text...), data[at:]...)
	return out, inserted(file, root, out, name, tag)
}

// inserted reads the result again: the images must have exactly this one more,
// and the other keys must be the same.
func inserted(file string, before *yamltree.Node, out []byte, name, tag string) error {
	docs, errs := yamltree.Parse(out)
	if len(errs) > 0 || len(docs) != 1 || docs[0].Root == nil {
		return fmt.Errorf("add image %q to %s: the result would not be YAML", name, file)
	}
	after := docs[0].Root
	was := 0
	if v := value(before, "images"); v != nil {
		was = len(v.Items())
	}
	items := after.Get("images").Items()
	if len(items) != was+1 || items[was].Str("name") != name || items[was].Str("newTag") != tag {
		return fmt.Errorf("add image %q to %s: the result would not list it", name, file)
	}
	keys := len(before.Content)
	if was == 0 {
		keys += 2
	}
	if len(after.Content) != keys {
		return fmt.Errorf("add image %q to %s: the result would have other keys", name, file)
	}
	return nil
}

// value is a key's value as written, without merge keys and aliases.
func value(n *yamltree.Node, key string) *yamltree.Node {
	var found *yamltree.Node
	n.Pairs(func(k, v *yamltree.Node) {
		if k.Value == key && found == nil {
			found = v
		}
	})
	return found
}

// plainOrQuoted writes an image's name, which needs quotes only where it would
// read as something else.
func plainOrQuoted(name string) string {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("._/-", r) {
			return strconv.Quote(name)
		}
	}
	if name[0] < 'a' || name[0] > 'z' {
		return strconv.Quote(name)
	}
	return name
}
