package edit

import (
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// Users returns the lines, in order, of the aliases that stand for the value
// at a place or for a collection that holds it: an edit there changes what
// each of them means. A file that cannot be read has none.
func Users(data []byte, p promoter.Place) []int {
	masked, _ := yamltree.MaskTemplates(data)
	e := &editing{data: data, masked: masked}
	e.docs, e.errs = yamltree.Parse(masked)
	var lines []int
	docs := e.docs
	for range 1 + maxEmbedded {
		for _, d := range docs {
			lines = usersIn(d.Root, p, lines)
		}
		n, _ := findIn(docs, p.Start, p.End)
		if n == nil || n.Kind == yamltree.Alias || n.Start == p.Start && n.End == p.End {
			break
		}
		start, end := body(masked, n)
		docs, _ = yamltree.ParseRange(masked, start, end)
	}
	return lines
}

func usersIn(n *yamltree.Node, p promoter.Place, lines []int) []int {
	if n == nil {
		return lines
	}
	if n.Kind == yamltree.Alias && n.Target.Start <= p.Start && p.End <= n.Target.End {
		lines = append(lines, n.Line)
	}
	for _, c := range n.Content {
		lines = usersIn(c, p, lines)
	}
	return lines
}
