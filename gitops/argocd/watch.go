package argocd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// watch reads server-sent events. What they say is not looked at.
func (a *api) watch(ctx context.Context, hint func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A connection that a balancer has forgotten is silent for ever.
	idle := time.AfterFunc(a.options.Idle, func() { cancel(errors.New("the watch is silent")) })
	defer idle.Stop()
	resp, err := a.send(ctx, http.MethodGet, "/api/v1/stream/applications", a.scope())
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // the stream has ended one way or the other
	lines := bufio.NewReaderSize(resp.Body, 4096)
	start := true // of a line
	for {
		part, err := lines.ReadSlice('\n')
		if len(part) > 0 {
			idle.Reset(a.options.Idle)
			if start && bytes.HasPrefix(part, []byte("data:")) {
				hint()
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
