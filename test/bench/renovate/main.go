// Command renovate measures Promoter side by side with Renovate from npm on the
// same work: scanning generated repositories of Argo CD Applications, and
// opening their pull requests on a real Gitea. It prints wall time, CPU time
// and peak memory of the whole processes, as the kernel counts them, and
// changes nothing outside temporary directories and the npm folder that it is
// told to use.
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"promoter/test/world"
)

const (
	charts   = 100
	versions = 30
)

func main() {
	promoter := flag.String("promoter", "bin/promoter", "the binary to measure")
	sizes := flag.String("n", "10,100,1000,5000", "numbers of Application manifests")
	runs := flag.Int("runs", 3, "runs of promoter for each size; medians are printed")
	node := flag.String("npm", defaultNPM(), "folder with node_modules/renovate and node_modules/node (made when absent); empty: measure promoter alone")
	pulls := flag.Int("pulls", 0, "open so many pull requests on a real Gitea instead of scanning")
	flag.Parse()
	err := error(nil)
	if *pulls > 0 {
		err = runPulls(*promoter, *pulls, *node)
	} else {
		err = run(*promoter, *sizes, *runs, *node)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func defaultNPM() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "promoter-bench")
}

func run(promoter, sizes string, runs int, npm string) error {
	promoter, err := filepath.Abs(promoter)
	if err != nil {
		return err
	}
	renovate := ""
	if npm != "" {
		if renovate, err = installed(npm); err != nil {
			fmt.Printf("Renovate is not measured: %v\n", err)
		}
	}
	url, stop, err := serve(charts)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Printf("%d charts of %d versions, cold cache, medians of %d runs (Renovate: 1)\n", charts, versions, runs)
	fmt.Printf("%-6s %-10s %9s %9s %9s %9s\n", "apps", "tool", "wall s", "CPU s", "peak MB", "updates")
	for _, field := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(field)
		if err != nil {
			return fmt.Errorf("-n: %w", err)
		}
		if err := measure(n, url, promoter, renovate, npm, runs); err != nil {
			return err
		}
	}
	return nil
}

func measure(n int, url, promoter, renovate, npm string, runs int) error {
	dir, err := os.MkdirTemp("", "bench-scan-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	repo := filepath.Join(dir, "repo")
	if err := generate(repo, n, url); err != nil {
		return err
	}
	var all []usage
	for i := range runs {
		u, err := timed(repo, promoter, "scan", "-o", "json", "--allow-private", "127.0.0.1", "--cache-dir", filepath.Join(dir, "cache"+strconv.Itoa(i)))
		if err != nil {
			return err
		}
		all = append(all, u)
	}
	ours := median(all)
	ours.updates = strings.Count(all[0].output, `"newest":`)
	ours.print(n, "promoter")
	warm, err := timed(repo, promoter, "scan", "-o", "json", "--allow-private", "127.0.0.1", "--cache-dir", filepath.Join(dir, "cache0"))
	if err != nil {
		return err
	}
	warm.updates = strings.Count(warm.output, `"newest":`)
	warm.print(n, "again")
	if renovate == "" {
		return nil
	}
	theirs, err := timedRenovate(repo, url, renovate, npm, dir)
	if err != nil {
		return err
	}
	theirs.print(n, "renovate")
	fmt.Printf("%-6d %-10s %8.0fx %8.0fx %8.1fx\n", n, "ratio", theirs.wall/ours.wall, theirs.cpu/ours.cpu, theirs.peak/ours.peak)
	return nil
}

type usage struct {
	wall, cpu, peak float64 // seconds, seconds, MB
	updates         int
	output          string
}

func (u usage) print(n int, tool string) {
	fmt.Printf("%-6d %-10s %9.2f %9.2f %9.0f %9d\n", n, tool, u.wall, u.cpu, u.peak, u.updates)
}

func timed(dir, name string, args ...string) (usage, error) {
	c := exec.Command(name, args...)
	c.Dir = dir
	return account(c)
}

// account runs a command and reads what the kernel counted for it.
func account(c *exec.Cmd) (usage, error) {
	var out strings.Builder
	c.Stdout = &out
	start := time.Now()
	err := c.Run()
	wall := time.Since(start).Seconds()
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w\n%s", c.Path, err, tail(out.String()))
	}
	ru, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return usage{}, fmt.Errorf("%s: this system does not account for processes", c.Path)
	}
	cpu := c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	return usage{wall: wall, cpu: cpu.Seconds(), peak: float64(ru.Maxrss) / 1024, output: out.String()}, nil
}

func tail(s string) string { return s[max(0, len(s)-2000):] }

func median(all []usage) usage {
	pick := func(f func(usage) float64) float64 {
		var v []float64
		for _, u := range all {
			v = append(v, f(u))
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	return usage{
		wall: pick(func(u usage) float64 { return u.wall }),
		cpu:  pick(func(u usage) float64 { return u.cpu }),
		peak: pick(func(u usage) float64 { return u.peak }),
	}
}

// generate writes n Applications over the charts, at versions that are not the
// newest.
func generate(dir string, n int, url string) error {
	for i := range n {
		path := filepath.Join(dir, "apps", fmt.Sprintf("team-%02d", i%50), fmt.Sprintf("app-%04d.yaml", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		text := fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: app-%04d
  namespace: argocd
spec:
  project: default
  source:
    repoURL: %s
    chart: chart-%03d
    targetRevision: 1.%d.0
    helm:
      releaseName: app-%04d
  destination:
    server: https://kubernetes.default.svc
    namespace: app-%04d
  syncPolicy:
    automated:
      prune: true
      selfHeal: true
`, i, url, i%charts, i%(versions-1), i, i)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "renovate.json"), []byte(`{"argocd":{"managerFilePatterns":["/apps/.+\\.yaml$/"]}}`), 0o644)
}

// serve serves a chart repository.
func serve(charts int) (string, func(), error) {
	var list []world.Chart
	for c := range charts {
		for v := range versions {
			list = append(list, world.Chart{
				Name: fmt.Sprintf("chart-%03d", c), Version: fmt.Sprintf("1.%d.0", v), AppVersion: fmt.Sprintf("2.%d", v),
				Created: time.Date(2024, 1, 1, v, c, 0, 0, time.UTC),
			})
		}
	}
	index := world.Index(list)
	etag := fmt.Sprintf(`"%x"`, sha256.Sum256(index))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /index.yaml", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(index) // a client that hangs up shows in its own result
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(l) }() // ends with stop
	return "http://" + l.Addr().String(), func() { _ = s.Close() }, nil
}
