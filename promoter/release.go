package promoter

import "time"

// Release is one version of an artifact that exists upstream.
type Release struct {
	Version    string    `json:"version"`              // as its source writes it; "+" restored where OCI tags hold "_"
	AppVersion string    `json:"appVersion,omitempty"` // a chart's appVersion
	Digest     string    `json:"digest,omitempty"`     // content digest, where the listing gives one
	Created    time.Time `json:"created,omitzero"`     // publisher's time; may be absent or wrong
	FirstSeen  time.Time `json:"firstSeen,omitzero"`   // when we first saw it; zero when never recorded
	Deprecated bool      `json:"deprecated,omitempty"` // Chart.yaml deprecated, as the index repeats it
	KubeRange  string    `json:"kubeVersion,omitempty"`
	Notes      string    `json:"notes,omitempty"` // artifacthub.io/changes, as published
	Home       string    `json:"home,omitempty"`
}

// Listing is what a source says about one artifact. It is all or nothing:
// when Unknown is set, Releases is empty, and nobody may conclude from it that
// there is no update.
type Listing struct {
	Artifact Artifact  `json:"artifact"`
	Releases []Release `json:"releases,omitempty"`
	// Unknown says why the listing could not be had whole: "429 from
	// ghcr.io until 12:00", "truncated index". Empty when it is complete.
	Unknown string `json:"unknown,omitempty"`
	// Gone is positive evidence that the artifact no longer exists at its
	// source (404 from the repository itself, DNS says no such name).
	Gone string    `json:"gone,omitempty"`
	At   time.Time `json:"at,omitzero"` // when it was read; the cache's time when offline
}
