package github

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v60/github"

	"promoter/gitops"
)

// explain turns go-github's errors into those that callers act on. Nil stays
// nil.
func (f *Forge) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	what = fmt.Sprintf("%s in %s/%s", what, f.owner, f.repo)
	var (
		limited *gitops.RateLimited
		primary *github.RateLimitError
		abuse   *github.AbuseRateLimitError
		answer  *github.ErrorResponse
	)
	switch {
	case errors.As(err, &limited):
		return fmt.Errorf("%s: %w", what, limited)
	case errors.As(err, &primary): // go-github refuses by itself when nothing is left
		return fmt.Errorf("%s: %w", what, &gitops.RateLimited{Until: capped(f.now(), primary.Rate.Reset.Time), Why: "primary limit"})
	case errors.As(err, &abuse):
		return fmt.Errorf("%s: %w", what, &gitops.RateLimited{Until: f.now().Add(unknownWait), Why: "secondary limit"})
	case !errors.As(err, &answer) || answer.Response == nil:
		return fmt.Errorf("%s: %w", what, err)
	}
	message := said(err)
	switch answer.Response.StatusCode {
	case http.StatusUnauthorized:
		return fmt.Errorf("%s: the token is not accepted: %s", what, message)
	case http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return fmt.Errorf("%s: %w: %s", what, gitops.ErrDenied, message)
	case http.StatusNotFound, http.StatusGone:
		return fmt.Errorf("%s: %w, or the token may not see it", what, gitops.ErrNotFound)
	case http.StatusUnprocessableEntity:
		if strings.HasPrefix(message, "No commit found") {
			return fmt.Errorf("%s: %w: %s", what, gitops.ErrNotFound, message)
		}
	}
	return fmt.Errorf("%s: %s answered %d: %s", what, answer.Response.Request.URL.Host, answer.Response.StatusCode, message)
}

// said returns what GitHub says of an error, in one short line.
func said(err error) string {
	var answer *github.ErrorResponse
	if !errors.As(err, &answer) {
		if err == nil {
			return "no reason given"
		}
		return err.Error()
	}
	parts := []string{answer.Message}
	for _, e := range answer.Errors {
		switch {
		case e.Message != "":
			parts = append(parts, e.Message)
		case e.Field != "":
			parts = append(parts, e.Field+" "+e.Code)
		}
	}
	text := strings.Join(strings.Fields(strings.Join(parts, ": ")), " ")
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	return text
}
