package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"promoter/gitops/argocd"
	"promoter/promoter"
)

// asked is one look that the engine's process is told to make.
type asked struct {
	Now   time.Time `json:"now"`
	First int       `json:"first"` // application that it is about
	Apps  int       `json:"apps"`
}

// told is what came of it.
type told struct {
	Wall     float64        `json:"wall"` // of this look
	CPU      float64        `json:"cpu"`  // of the process, so far
	Peak     float64        `json:"peak"`
	Outcomes map[string]int `json:"outcomes"`
	Reason   string         `json:"reason"` // of one that has not converged
}

// together is how many applications one question is about.
const together = 4

// engine is the process that watches and looks: one line in, one line out.
func engine(ctx context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("engine", flag.ContinueOnError)
	server := f.String("server", "", "URL of the API")
	kube := f.String("kubeconfig", "", "file, instead of the API")
	if err := f.Parse(args); err != nil {
		return err
	}
	in := argocd.Instance{Name: "main", Server: *server}
	if *kube != "" {
		in.Kube = &argocd.Kube{Path: *kube, Version: "v3.1.4"}
	}
	client, err := argocd.New(argocd.Options{Instances: []argocd.Instance{in}, RefreshWait: 10 * time.Millisecond})
	if err != nil {
		return err
	}
	e, err := argocd.NewEngine(client, argocd.EngineOptions{})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { e.Watch(ctx, func() {}) })
	defer watching.Wait()
	defer stop()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var a asked
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return err
		}
		if err := json.NewEncoder(out).Encode(look(ctx, e, a)); err != nil {
			return err
		}
	}
	return lines.Err()
}

// look asks all questions of a look at the same time, as a decision does.
func look(ctx context.Context, e *argocd.Engine, a asked) told {
	t := told{Outcomes: map[string]int{}}
	began := time.Now()
	var mu sync.Mutex
	var questions sync.WaitGroup
	for first := a.First; first < a.First+a.Apps; first += together {
		questions.Go(func() {
			d := e.Deliver(ctx, question(first, min(together, a.First+a.Apps-first)), history{}, a.Now)
			mu.Lock()
			defer mu.Unlock()
			for _, c := range d.Apps {
				t.Outcomes[string(c.Outcome)]++
				if c.Outcome != promoter.Converged {
					t.Reason = fmt.Sprintf("%s: %s", c.App, c.Reason)
				}
			}
		})
	}
	questions.Wait()
	t.Wall = time.Since(began).Seconds()
	t.CPU, t.Peak = own()
	return t
}

// mergedAt is when everything was merged.
var mergedAt = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// question is about n applications that one pull has changed.
func question(first, n int) promoter.Question {
	q := promoter.Question{About: promoter.AboutDelivery, Key: fmt.Sprintf("delivery %d", first), Commit: commitOf(0), MergedAt: mergedAt}
	for i := first; i < first+n; i++ {
		q.Reached = append(q.Reached, promoter.Reached{Environment: "production", App: appName(i)})
		q.Moves = append(q.Moves, promoter.Move{
			Artifact: promoter.Artifact{Kind: promoter.Image, Name: appName(i), Source: "registry.example.com"}, From: "1.0.0", To: "2.0.0",
			Place: promoter.Place{File: appFile(i), Path: "image.tag"},
		})
	}
	return q
}

// history is a branch of one commit.
type history struct{}

func (history) Head() string   { return commitOf(0) }
func (history) Remote() string { return gitRepo }
func (history) Branch() string { return "main" }

func (history) Holds(_ context.Context, commit, in string) (bool, error) { return commit == in, nil }

func (history) Same(_ context.Context, from, to string, _ ...string) (bool, error) {
	return from == to, nil
}

func (history) Changed(context.Context, string) ([]string, error) { return nil, nil }
