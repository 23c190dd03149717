package config

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"promoter/promoter"
)

var fenced = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// What the README tells users to write is what works.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, m := range fenced.FindAllSubmatch(text, -1) {
		all.Write(m[1])
	}
	use := parsed(t, strings.TrimPrefix(all.String(), "version: 1\n")).On(Ground{
		Paths: []string{"clusters/production-acme/a.yaml", "dev/a.yaml"},
		Pins:  []promoter.Pin{{Artifact: promoter.Artifact{Kind: promoter.Image, Name: "web"}, Place: promoter.Place{File: "dev/a.yaml"}}},
	})
	if use.Mistakes != nil || use.Warnings != nil {
		t.Errorf("mistakes: %v\nwarnings: %v\n%s", use.Mistakes, use.Warnings, all.String())
	}
}
