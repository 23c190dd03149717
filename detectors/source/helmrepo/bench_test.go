package helmrepo

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/repo"
)

// The benchmarks measure in two ways: within the test's process (time and
// allocations), and in a process of its own for each way to read, because peak
// memory is a process's. For one figure by hand:
//
//	go test -c -o /tmp/helmrepo.test ./detectors/source/helmrepo
//	HELMREPO_WRITE=1105 HELMREPO_INDEX=/tmp/index.yaml /tmp/helmrepo.test
//	HELMREPO_READ=ours HELMREPO_CHARTS=10 HELMREPO_INDEX=/tmp/index.yaml /usr/bin/time -v /tmp/helmrepo.test
//
// HELMREPO_READ is "ours", "helm", or "none" for the process's start;
// HELMREPO_CHARTS is how many charts are asked for; 130 charts make 20 MB.

// figures are what a process of its own prints.
type figures struct {
	CPU     float64 `json:"cpuMs"`  // user and system, of the whole process
	Peak    float64 `json:"peakMB"` // VmHWM
	Entries int     `json:"entries"`
}

// helperMain does what the environment asks for instead of testing.
func helperMain() bool {
	path, way := os.Getenv("HELMREPO_INDEX"), os.Getenv("HELMREPO_READ")
	var charts int
	fmt.Sscan(os.Getenv("HELMREPO_WRITE"), &charts)
	if path == "" || way == "" && charts == 0 {
		return false
	}
	if charts > 0 {
		if err := writeLarge(path, charts); err != nil {
			panic(err)
		}
		return true
	}
	fmt.Sscan(os.Getenv("HELMREPO_CHARTS"), &charts)
	f := figures{Entries: readOnce(path, way, charts)}
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	f.CPU = float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
	f.Peak = peakMB()
	_ = json.NewEncoder(os.Stdout).Encode(f)
	return true
}

func peakMB() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	for l := range strings.Lines(string(status)) {
		var kb float64
		if n, _ := fmt.Sscanf(l, "VmHWM: %f kB", &kb); n == 1 {
			return kb / 1024
		}
	}
	return 0
}

// readOnce returns how many entries it read.
func readOnce(path, way string, charts int) int {
	n := 0
	switch way {
	case "ours":
		f, err := os.Open(path)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			panic(err)
		}
		x, err := ReadIndex(f, info.Size(), chartNames(charts))
		if err != nil || x.Full != nil || len(x.Unread) > 0 {
			panic(fmt.Sprint(err, x))
		}
		for _, list := range x.Charts {
			n += len(list)
		}
	case "helm":
		x, err := repo.LoadIndexFile(path)
		if err != nil {
			panic(err)
		}
		for _, name := range chartNames(charts) {
			n += len(x.Entries[name])
		}
	}
	return n
}

func chartNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("chart-%04d", i*7919%10007)
	}
	return names
}

// writeLarge writes an index as "helm repo index" does, with 123 versions of
// each chart: 130 charts make 20 MB.
func writeLarge(path string, charts int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	r := rand.New(rand.NewPCG(1, 2))
	fmt.Fprint(w, "apiVersion: v1\nentries:\n")
	for _, name := range chartNames(charts) {
		fmt.Fprintf(w, "  %s:\n", name)
		for v := 123; v > 0; v-- {
			fmt.Fprintf(w, `  - annotations:
      artifacthub.io/changes: |
        - kind: changed
          description: Update the image of %[1]s to 2.%[2]d.%[3]d
        - kind: fixed
          description: "Probes: wait for the database"
      artifacthub.io/license: Apache-2.0
      category: Infrastructure
    apiVersion: v2
    appVersion: 2.%[2]d.%[3]d
    created: "2024-%02[4]d-%02[5]dT10:11:12.%09[6]dZ"
    dependencies:
    - condition: postgresql.enabled
      name: postgresql
      repository: https://charts.example.com/stable
      version: 12.x.x
    - name: common
      repository: https://charts.example.com/stable
      tags:
      - example-common
      version: 2.x.x
    description: %[1]s is an open source server that many people run. It is fast,
      it's small, and this chart deploys it with a "database" of its own.
    digest: %016[7]x%016[8]x%016[9]x%016[10]x
    home: https://example.com/projects/%[1]s
    icon: https://example.com/icons/%[1]s.svg
    keywords:
    - server
    - database
    - %[1]s
    kubeVersion: '>=1.25.0-0'
    maintainers:
    - email: someone@example.com
      name: Some One
    name: %[1]s
    sources:
    - https://git.example.com/charts/%[1]s
    type: application
    urls:
    - https://charts.example.com/%[1]s-%[2]d.%[3]d.0.tgz
    version: %[2]d.%[3]d.0
`, name, v/10, v%10, 1+v%12, 1+v%28, r.IntN(1e9), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
		}
	}
	fmt.Fprint(w, "generated: \"2024-12-31T10:11:12.123456789Z\"\n")
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// measure reads the index in a process of its own, three times, and reports
// the best CPU time and the largest memory, both over the process's start.
func measure(b *testing.B, path, way string, charts int) {
	run := func(way string) figures {
		best := figures{CPU: 1e9}
		for range 3 {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "HELMREPO_READ="+way, "HELMREPO_INDEX="+path, fmt.Sprint("HELMREPO_CHARTS=", charts))
			out, err := cmd.Output()
			var f figures
			if err == nil {
				err = json.Unmarshal(out, &f)
			}
			if err != nil {
				b.Fatalf("%s: %v\n%s", way, err, out)
			}
			best.CPU, best.Peak, best.Entries = min(best.CPU, f.CPU), max(best.Peak, f.Peak), f.Entries
		}
		return best
	}
	start, f := run("none"), run(way)
	b.ReportMetric(f.CPU-start.CPU, "cpu-ms/process")
	b.ReportMetric(f.Peak-start.Peak, "peak-MB/process")
	b.ReportMetric(float64(f.Entries), "entries")
}

func benchmarkIndex(b *testing.B, charts int, way string, asked ...int) {
	path := filepath.Join(b.TempDir(), "index.yaml")
	if err := writeLarge(path, charts); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range asked {
		b.Run(fmt.Sprintf("charts=%d", n), func(b *testing.B) {
			b.SetBytes(info.Size())
			b.ReportAllocs()
			for b.Loop() {
				readOnce(path, way, n)
			}
			b.StopTimer()
			measure(b, path, way, n)
		})
	}
}

func BenchmarkIndex20MB(b *testing.B)       { benchmarkIndex(b, 130, "ours", 1, 10, 130) }
func BenchmarkIndex170MB(b *testing.B)      { benchmarkIndex(b, 1105, "ours", 1, 100, 1105) }
func BenchmarkHelmLoader20MB(b *testing.B)  { benchmarkIndex(b, 130, "helm", 130) }
func BenchmarkHelmLoader170MB(b *testing.B) { benchmarkIndex(b, 1105, "helm", 1105) }

// TestLargeIndexAgreesWithHelm reads the benchmarks' kind of index both ways.
func TestLargeIndexAgreesWithHelm(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "index.yaml")
	if err := writeLarge(path, 3); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if accepted, carved := agree(t, data); !accepted || !carved {
		t.Errorf("accepted %v, carved %v", accepted, carved)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	began := time.Now()
	x, err := ReadIndex(f, int64(len(data)), chartNames(3))
	if err != nil || len(x.Charts[chartNames(3)[2]]) != 123 {
		t.Fatalf("after %v: %v", time.Since(began), err)
	}
}
