package all_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"promoter/detectors/all"
	"promoter/detectors/scan"
)

// repositoryOf writes a GitOps repository of n Applications: single and
// multi-source, with values, one file each.
func repositoryOf(b *testing.B, n int) string {
	b.Helper()
	root := b.TempDir()
	for i := range n {
		var text strings.Builder
		fmt.Fprintf(&text, `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: app-%[1]d
  namespace: argocd
  labels:
    team: team-%[2]d
  finalizers:
    - resources-finalizer.argocd.argoproj.io
spec:
  project: default
  destination:
    name: prod-eu-%[2]d
    namespace: app-%[1]d
`, i, i%50)
		if i%5 == 0 {
			fmt.Fprintf(&text, `  sources:
    - repoURL: https://charts.example.com/stable
      chart: chart-%[1]d
      targetRevision: 1.%[1]d.0
      helm:
        valueFiles:
          - $values/values/app-%[2]d.yaml
    - repoURL: https://git.example.com/org/config.git
      targetRevision: main
      ref: values
`, i%100, i)
		} else {
			fmt.Fprintf(&text, `  source:
    repoURL: https://charts.example.com/stable
    chart: chart-%[1]d
    targetRevision: "1.%[1]d.0"
    helm:
      releaseName: app-%[2]d
      valuesObject:
        image:
          repository: registry.example.com/team/app-%[1]d
          tag: v1.%[1]d.3
        replicaCount: 3
        resources:
          requests: {cpu: 100m, memory: 128Mi}
          limits:
            memory: 512Mi
        ingress:
          enabled: true
          hosts:
            - host: app-%[2]d.example.com
              paths: ["/"]
`, i%100, i)
		}
		text.WriteString(`  syncPolicy:
    automated:
      prune: true
      selfHeal: true
    syncOptions:
      - CreateNamespace=true
`)
		name := filepath.Join(root, fmt.Sprintf("apps/team-%d/app-%d.yaml", i%50, i))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text.String()), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return root
}

// measure reports CPU time, which a busy machine bends less than wall time.
func measure(b *testing.B, do func()) {
	b.Helper()
	b.ReportAllocs()
	runtime.GC()
	before := cpu(b)
	for b.Loop() {
		do()
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N)/1e6, "cpu-ms/op")
}

func cpu(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

const applications = 5000

func scanned(b *testing.B, o scan.Options) *scan.Inventory {
	b.Helper()
	o.Detectors = all.List()
	inv, err := scan.Run(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	return inv
}

// BenchmarkScan5000 detects everything in a repository of 5,000 Applications.
func BenchmarkScan5000(b *testing.B) {
	root := repositoryOf(b, applications)
	if inv := scanned(b, scan.Options{Root: root}); len(inv.Pins) < applications || len(inv.Problems) > 0 {
		b.Fatalf("%d pins, %d problems", len(inv.Pins), len(inv.Problems))
	}
	measure(b, func() { scanned(b, scan.Options{Root: root}) })
}

// BenchmarkScan5000Cold does the same and leaves a cache.
func BenchmarkScan5000Cold(b *testing.B) {
	root := repositoryOf(b, applications)
	dir := b.TempDir()
	measure(b, func() {
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		if inv := scanned(b, scan.Options{Root: root, CacheDir: dir}); inv.Parsed != applications {
			b.Fatalf("parsed %d files", inv.Parsed)
		}
	})
}

// BenchmarkScan5000Again scans with the cache of an earlier scan.
func BenchmarkScan5000Again(b *testing.B) {
	root := repositoryOf(b, applications)
	o := scan.Options{Root: root, CacheDir: b.TempDir()}
	for scanned(b, o).Read > 0 {
		// The first scans may find files of their own tick.
	}
	measure(b, func() {
		if inv := scanned(b, o); inv.Read > 0 {
			b.Fatalf("read %d files", inv.Read)
		}
	})
}

// BenchmarkReadHash5000 reads and hashes the same bytes: the measure of the
// others.
func BenchmarkReadHash5000(b *testing.B) {
	root := repositoryOf(b, applications)
	measure(b, func() {
		err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			sha256.Sum256(data)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	})
}
