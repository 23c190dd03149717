package all_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"promoter/detectors"
	"promoter/detectors/all"
)

// unlisted are detectors that List cannot make, with the reason.
var unlisted = map[string]string{
	"extractor": "it has no rules but the user's, and is given to List by who reads them",
}

func TestEveryDetectorIsListed(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, d := range all.List() {
		if listed[d.Name()] {
			t.Errorf("%s is listed twice", d.Name())
		}
		listed[d.Name()] = true
		if dir := path.Base(packageOf(d)); dir != d.Name() {
			t.Errorf("the detector in %s is named %q", dir, d.Name())
		}
	}
	found := 0
	for _, dir := range directories(t) {
		if !definesDetector(t, dir) {
			if listed[filepath.Base(dir)] {
				t.Errorf("%s is listed and defines no Detect method", dir)
			}
			continue
		}
		found++
		name := filepath.Base(dir)
		if !listed[name] && unlisted[name] == "" {
			t.Errorf("%s defines a detector that List does not name", dir)
		}
		if !holdsFile(t, filepath.Join(dir, "testdata")) {
			t.Errorf("%s has no example in testdata", dir)
		}
		if tests, err := filepath.Glob(filepath.Join(dir, "*_test.go")); err != nil || len(tests) == 0 {
			t.Errorf("%s has no test", dir)
		}
	}
	if found < len(listed) {
		t.Errorf("found %d detectors in directories, and %d in the list", found, len(listed))
	}
}

func TestListPutsTheUsersOwnFirst(t *testing.T) {
	t.Parallel()
	base := all.List()
	own := make([]detectors.Detector, 1, 8)
	own[0] = base[0]
	got := all.List(own...)
	if len(got) != len(base)+1 || got[0] != own[0] || got[1] != base[0] {
		t.Errorf("List(own) begins with %s, %s", got[0].Name(), got[1].Name())
	}
	if second := all.List(own...); &second[0] == &got[0] {
		t.Error("two lists share their memory")
	}
}

func packageOf(d detectors.Detector) string {
	typ := reflect.TypeOf(d)
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	return typ.PkgPath()
}

func directories(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join("..", e.Name()))
		}
	}
	return dirs
}

// definesDetector reports whether the package in dir has a method
// Detect(*detectors.File, *detectors.Report), tests aside.
func definesDetector(t *testing.T, dir string) bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if ok && f.Recv != nil && f.Name.Name == "Detect" && takes(f, "File", "Report") {
				return true
			}
		}
	}
	return false
}

// takes reports whether a method's parameters are pointers to the named types
// of package detectors.
func takes(f *ast.FuncDecl, names ...string) bool {
	var types []string
	for _, field := range f.Type.Params.List {
		star, ok := field.Type.(*ast.StarExpr)
		if !ok {
			return false
		}
		sel, ok := star.X.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		if x, ok := sel.X.(*ast.Ident); !ok || x.Name != "detectors" {
			return false
		}
		for range max(len(field.Names), 1) {
			types = append(types, sel.Sel.Name)
		}
	}
	return strings.Join(types, " ") == strings.Join(names, " ")
}

func holdsFile(t *testing.T, dir string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil && info.Size() > 0 {
				found = true
			}
		}
		return err
	})
	return err == nil && found
}
