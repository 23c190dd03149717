package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"promoter/test/crash"
	"promoter/test/world"
	"promoter/test/world/delivery"
	"promoter/test/world/forge"
)

const webhookSecret = "the-secret-of-this-story"

// process is the real binary on an ordeal's world. name tells its caches from
// another's.
func (o *ordeal) process(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "promoter", append(args, o.hosted.Clone, "--forge", "github", "--forge-url", o.hosted.API())...)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "PROMOTER_TOKEN=" + world.Token, world.ArgoTokenName + "=" + world.ArgoToken,
		"PROMOTER_WEBHOOK_SECRET=" + webhookSecret, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"}
	for _, v := range []string{"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "DOCKER_CONFIG", "TMPDIR"} {
		dir := filepath.Join(o.dir, "home-"+name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			o.Fatal(err)
		}
		c.Env = append(c.Env, v+"="+dir)
	}
	return c
}

// eventually asks again and again, by the wall's clock, until it is so.
func eventually(t testing.TB, what string, most time.Duration, is func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Since(begun) > most {
			t.Fatalf("not after %s: %s", most, what)
		}
		<-tick.C
	}
	return time.Since(begun)
}

// calmly is how the quick rollout ends when nobody disturbs it.
func calmly(t *testing.T) string {
	t.Helper()
	o := beginOrdealAt(t, false, delivery.NewClock(time.Now().Add(-24*time.Hour).Truncate(time.Minute), 0), quickly, degrades)
	o.live(0, "")
	return o.state()
}

// TestKilledForReal kills processes of the real binary, with the signal that
// cannot be caught, one after the other in one rollout: each at the first
// effect of a sort that it comes to.
func TestKilledForReal(t *testing.T) {
	t.Parallel()
	want := calmly(t)
	o := beginOrdealAt(t, false, nil, quickly, degrades)
	deaths := []struct {
		name string
		when crash.When
	}{
		{"push", crash.Amid}, {"push", crash.After}, {"POST pulls", crash.After}, {"POST issues/N/labels", crash.Before}, {"POST statuses/N", crash.After},
		{"PUT pulls/N/merge", crash.Before}, {"PUT pulls/N/merge", crash.After}, {"POST issues/N/comments", crash.After}, {"PATCH pulls/N", crash.Before}, {"push", crash.Amid},
	}
	killed := 0
	eventually(t, "the rollout is over:\n"+want, 3*time.Minute, func() bool {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		c := o.process(ctx, "one", "run")
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		if killed < len(deaths) {
			d := deaths[killed]
			o.watch.ArmFor(d.name, d.when, func() {
				_ = c.Process.Kill() // that it has ended already is seen below
			})
		} else {
			o.watch.Arm(0, "", nil)
		}
		err := c.Run()
		var ended *exec.ExitError
		if err != nil && !errors.As(err, &ended) {
			t.Fatal(err)
		}
		if !o.watch.Dead() {
			if err != nil {
				t.Fatalf("%v:\n%s", err, out.String())
			}
			if killed < len(deaths) && deaths[killed].name == "PATCH pulls/N" && o.judged(want) {
				t.Log("the failure came before the next wave's pull was open: there was none to close")
				return true
			}
			return killed == len(deaths) && o.judged(want)
		}
		if status, ok := ended.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
			t.Fatalf("it was not killed: %v:\n%s", err, out.String())
		}
		t.Logf("killed %s %s", deaths[killed].when, deaths[killed].name)
		killed++
		return false
	})
	if diff := cmp.Diff(certain(want), certain(o.state())); diff != "" {
		t.Errorf("(-calm +killed)\n%s", diff)
	}
}

// finished reports whether all pulls have come to their ends, the revert too.
func (o *ordeal) finished() bool {
	reverted := false
	for _, p := range o.hosted.Pulls() {
		if p.State == "open" {
			return false
		}
		reverted = reverted || strings.HasSuffix(p.Branch, "--revert") && p.State == "merged"
	}
	return reverted && len(o.hosted.Pulls()) >= 6
}

// judged reports whether as many verdicts are sealed as in another end.
func (o *ordeal) judged(end string) bool {
	const verdict = "status promoter/verdict "
	return o.finished() && strings.Count(o.state(), verdict) == strings.Count(end, verdict)
}

// serving is a running `promoter serve`.
type serving struct {
	*testing.T
	cmd  *exec.Cmd
	url  string
	mu   sync.Mutex
	log  strings.Builder
	done chan error
}

var listening = regexp.MustCompile(`listening address=(\S+)`)

func (o *ordeal) serve(t *testing.T, name string, args ...string) *serving {
	t.Helper()
	s := &serving{T: t, done: make(chan error, 1), cmd: o.process(context.Background(), name, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			s.mu.Lock()
			fmt.Fprintln(&s.log, lines.Text())
			s.mu.Unlock()
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
		s.done <- s.cmd.Wait()
	}()
	t.Cleanup(func() { _ = s.cmd.Process.Kill() }) // it has ended where the test has passed
	select {
	case a := <-address:
		s.url = "http://" + a
	case <-time.After(30 * time.Second):
		t.Fatalf("serve does not listen:\n%s", s.said())
	}
	return s
}

func (s *serving) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// get returns an answer's status and body.
func (s *serving) get(path string) (int, string) {
	s.Helper()
	resp, err := http.Get(s.url + path)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

var hintCount = regexp.MustCompile(`(?m)^promoter_hint_wait_seconds_count{.*} (\d+)$`)

// hinted is how many looks have answered a hint.
func (s *serving) hinted() (n int) {
	s.Helper()
	_, body := s.get("/metrics")
	for _, m := range hintCount.FindAllStringSubmatch(body, -1) {
		count, err := strconv.Atoi(m[1])
		if err != nil {
			s.Fatal(err)
		}
		n += count
	}
	return n
}

// stop ends it as Kubernetes does, and fails unless it ends well.
func (s *serving) stop() {
	s.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.Fatal(err)
	}
	select {
	case err := <-s.done:
		if err != nil {
			s.Errorf("stopped by SIGTERM: %v\n%s", err, s.said())
		}
	case <-time.After(30 * time.Second):
		s.Errorf("it does not stop:\n%s", s.said())
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	o := beginOrdealAt(t, false, nil, quickly, degrades)
	// The forge is down when it starts.
	o.hosted.Server.SetFront(func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) })
	s := o.serve(t, "one", "--poll", "1h")
	eventually(t, "the failure is told", 30*time.Second, func() bool { return strings.Contains(s.said(), "level=ERROR msg=look") })
	if code, body := s.get("/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("readyz while the forge is down: %d %s", code, body)
	}
	if code, body := s.get("/healthz"); code != http.StatusOK {
		t.Errorf("healthz while the forge is down: %d %s", code, body)
	}
	o.hosted.Server.SetFront(o.watch.Front)
	eventually(t, "it is ready", 30*time.Second, func() bool { code, _ := s.get("/readyz"); return code == http.StatusOK })
	if code, body := s.get("/metrics"); code != http.StatusOK || !strings.Contains(body, `promoter_lines{repository="shop/gitops",status="`) {
		t.Errorf("metrics: %d\n%s", code, body)
	}
	eventually(t, "the rollout is over, by wake times alone", 2*time.Minute, o.finished)

	// A forged webhook is refused, a true one answered by a look.
	if code, body := o.post(t, s.url, "sha256="+strings.Repeat("0", 64)); code != http.StatusUnauthorized && code != http.StatusForbidden {
		t.Errorf("a webhook with a wrong signature: %d %s", code, body)
	}
	before := s.hinted()
	o.hosted.AddHook(forge.Hook{URL: s.url + "/hooks", Secret: webhookSecret})
	if err := o.hosted.Label(1, "ana", "noted"); err != nil {
		t.Fatal(err)
	}
	took := eventually(t, "a look after the webhook", 30*time.Second, func() bool { return s.hinted() > before })
	t.Logf("it has looked %s after what the webhook tells of", took.Round(time.Millisecond))
	s.stop()
}

// post sends a webhook with a signature of one's own.
func (o *ordeal) post(t *testing.T, url, signature string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/hooks", strings.NewReader(`{"repository":{"full_name":"shop/gitops"}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-GitHub-Event", "push")
	r.Header.Set("X-Hub-Signature-256", signature)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestTwoServe has two at once work on one repository, knowing nothing of each
// other: that is wasteful, and not wrong.
func TestTwoServe(t *testing.T) {
	t.Parallel()
	want := calmly(t)
	o := beginOrdealAt(t, false, nil, quickly, degrades)
	one, two := o.serve(t, "one", "--poll", "1s"), o.serve(t, "two", "--poll", "1s")
	eventually(t, "the rollout is over", 2*time.Minute, func() bool { return o.judged(want) })
	one.stop()
	two.stop()
	if diff := cmp.Diff(certain(want), certain(o.state())); diff != "" {
		t.Errorf("(-alone +two)\n%s\n%s\n%s", diff, one.said(), two.said())
	}
}

var (
	// What a pull waits for is said by whoever looked last.
	waits = regexp.MustCompile(`(?m)^  status promoter (pending|success): .*\n`)
	// By the wall's clock the failure may come before the next wave's pull is
	// open, so that there is none to close.
	offered = regexp.MustCompile(`(?m)^branch promoter/ingress-gateway-\S+/production\n|^pull promoter/\S+/production closed.*\n(  .*\n|\n  .*\n)*`)
)

// certain are the lines of a state that do not depend on how quick each of the
// processes and servers is; what is there twice stays so.
func certain(state string) []string {
	state = waits.ReplaceAllString(state, "")
	return strings.Split(offered.ReplaceAllStringFunc(state, func(pull string) string {
		const closing = "  comment Promoter closes"
		if strings.HasPrefix(pull, "branch ") {
			return ""
		}
		if n := strings.Count(pull, closing); n != 1 {
			return fmt.Sprintf("%d comments close what was offered:\n%s", n, pull)
		}
		return ""
	}), "\n")
}
