package repo

import (
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"

	"promoter/gitops"
)

// judge turns the remote's report into an error that callers can act on.
func judge(report *packp.ReportStatus, err error, words string) error {
	status := ""
	if report != nil {
		for _, c := range report.CommandStatuses {
			if c.Status != "ok" {
				status = c.Status
			}
		}
		if report.UnpackStatus != "" && report.UnpackStatus != "ok" {
			status = "unpack: " + report.UnpackStatus + " " + status
		}
	}
	if status == "" {
		if err != nil {
			return named(err)
		}
		return nil
	}
	why := clip(strings.Join(strings.Fields(status+" "+words), " "), 300)
	switch refusal(status, words) {
	case stale:
		return fmt.Errorf("%w: the remote says: %s", gitops.ErrStale, why)
	case denied:
		return fmt.Errorf("%w: the remote says: %s", gitops.ErrDenied, why)
	}
	return fmt.Errorf("the remote refuses: %s", why)
}

type verdict int

const (
	failed verdict = iota
	stale          // the branch is not where it was expected
	denied         // a rule or permission
)

// refusal reads the texts of Git (status of the command, and what its hooks
// print), GitHub, GitLab, Gitea, Bitbucket and Azure DevOps.
func refusal(status, words string) verdict {
	// Denials first: a hook may print anything, "lock" among it.
	text := strings.ToLower(status)
	for _, s := range []string{
		"hook declined", "protected branch", "prohibited", "denied", "deny", "not allowed", "not authorized", "unauthorized",
		"permission", "gh006", "gh013", "repository rule violations", "forbidden", "non-fast-forward", "read-only", "tf402455",
	} {
		if strings.Contains(text, s) {
			return denied
		}
	}
	text += " " + strings.ToLower(words)
	for _, s := range []string{
		"fetch first", "cannot lock ref", "incorrect old value", "reference already exists", "failed to update ref", "failed to lock",
		"stale info", "but expected", "remote ref updated", "already exists", "reference has been updated", "updated concurrently",
		"tf401028", "unable to resolve reference", "not found when updating",
	} {
		if strings.Contains(text, s) {
			return stale
		}
	}
	return failed
}
