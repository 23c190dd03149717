package argocd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"promoter/promoter/converge"
)

// change is what a watch says has changed. The zero value may be anything.
type change struct {
	app   converge.ArgoApp
	known bool // the application was there before, and still is
}

// watchedFields are what an event is told by. Argo CD leaves out an event that
// reads like the one before it, so that the version must be among them.
const watchedFields = "result.type,result.application.metadata.name,result.application.metadata.namespace,result.application.metadata.resourceVersion"

// watch reads server-sent events: only when they are asked for does Argo CD
// send signs of life too. A version is named so that it does not begin with
// every Application that there is. What the events say is taken for a hint.
func (a *api) watch(ctx context.Context, hint func(change)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A connection that a balancer has forgotten is silent for ever.
	idle := time.AfterFunc(a.options.Idle, func() { cancel(errors.New("the watch is silent")) })
	defer idle.Stop()
	q := a.scope()
	q.Set("fields", watchedFields)
	q.Set("resourceVersion", "0")
	resp, err := a.sendFor(ctx, http.MethodGet, "/api/v1/stream/applications", q, "text/event-stream")
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // the stream has ended one way or the other
	hint(change{})                           // what has happened before it was there
	lines := bufio.NewReaderSize(resp.Body, 4096)
	start := true // of a line
	for {
		part, err := lines.ReadSlice('\n')
		if len(part) > 0 {
			idle.Reset(a.options.Idle)
			if text, ok := bytes.CutPrefix(part, []byte("data:")); ok && start {
				hint(a.said(text))
			}
			start = part[len(part)-1] == '\n'
		}
		switch {
		case err == nil, errors.Is(err, bufio.ErrBufferFull): // a long line goes on
		case errors.Is(err, io.EOF):
			return errors.New("the watch was cut")
		default:
			return err
		}
	}
}

// said is an event's change. One that cannot be read, as when a server sends
// all fields, may be anything.
func (a *api) said(text []byte) change {
	var event struct {
		Result struct {
			Type        watch.EventType `json:"type"`
			Application struct {
				Metadata struct {
					Name      string `json:"name"`
					Namespace string `json:"namespace"`
				} `json:"metadata"`
			} `json:"application"`
		} `json:"result"`
	}
	if json.Unmarshal(text, &event) != nil || event.Result.Application.Metadata.Name == "" {
		return change{}
	}
	at := event.Result.Application.Metadata
	return change{converge.ArgoApp{Instance: a.in.Name, Namespace: at.Namespace, Name: at.Name}, event.Result.Type == watch.Modified}
}

// watch is told of objects' metadata only, from now on.
func (c *cluster) watch(ctx context.Context, hint func(change)) error {
	short, stop := context.WithTimeout(ctx, c.options.Timeout)
	defer stop()
	all := c.metadata.Resource(resource).Namespace(c.in.Kube.Namespace)
	now, err := all.List(short, metav1.ListOptions{LabelSelector: c.in.Selector, Limit: 1})
	if err != nil {
		return err
	}
	seconds := int64(c.options.Idle / time.Second)
	w, err := all.Watch(ctx, metav1.ListOptions{LabelSelector: c.in.Selector, TimeoutSeconds: &seconds, ResourceVersion: now.ResourceVersion})
	if err != nil {
		return err
	}
	defer w.Stop()
	hint(change{}) // what has happened before it was there
	for e := range w.ResultChan() {
		o, ok := e.Object.(*metav1.PartialObjectMetadata)
		if !ok || e.Type == watch.Error {
			return errors.New("the watch was ended")
		}
		hint(change{converge.ArgoApp{Instance: c.in.Name, Namespace: o.Namespace, Name: o.Name}, e.Type == watch.Modified})
	}
	return errors.New("the watch was cut")
}
