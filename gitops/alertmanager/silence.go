package alertmanager

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// MaxSilence is the longest that a silence lasts without being renewed.
const MaxSilence = 15 * time.Minute

// Silence is what shall be silenced, and until when.
type Silence struct {
	Key      string // finds it again: the same for the same purpose
	Matchers []Matcher
	For      time.Duration // from now; at most MaxSilence
	Comment  string        // why, for people
}

// stored is a silence as the API has it.
type stored struct {
	ID        string    `json:"id,omitempty"`
	Matchers  []Matcher `json:"matchers"`
	StartsAt  time.Time `json:"startsAt"`
	EndsAt    time.Time `json:"endsAt"`
	CreatedBy string    `json:"createdBy"`
	Comment   string    `json:"comment"`
	Status    *struct {
		State string `json:"state"` // active, pending or expired
	} `json:"status,omitempty"`
}

// Silence makes sure that exactly one silence of ours with this key holds for
// the time asked, and returns its id. Called again it renews; called by two at
// once, the next call leaves one.
func (c *Client) Silence(ctx context.Context, s Silence) (string, error) {
	if err := c.check(s); err != nil {
		return "", fmt.Errorf("silence %q: %w", s.Key, err)
	}
	mine, err := c.ours(ctx, s.Key)
	if err != nil {
		return "", fmt.Errorf("silence %q: %w", s.Key, err)
	}
	now := c.o.Now()
	want := stored{Matchers: s.Matchers, StartsAt: now, EndsAt: now.Add(s.For), CreatedBy: c.o.CreatedBy, Comment: strings.TrimSpace(s.Comment + " " + marker(s.Key))}
	id := ""
	for _, old := range mine { // the one that lasts longest is first
		if id == "" && sameMatchers(old.Matchers, s.Matchers) {
			if id, err = c.renew(ctx, old, want); err != nil {
				return "", fmt.Errorf("silence %q: %w", s.Key, err)
			}
		}
	}
	if id == "" {
		if id, err = c.put(ctx, want); err != nil {
			return "", fmt.Errorf("silence %q: %w", s.Key, err)
		}
	}
	for _, old := range mine {
		if old.ID != id {
			if err := c.expire(ctx, old.ID); err != nil {
				return id, fmt.Errorf("silence %q: end the older one %q: %w", s.Key, old.ID, err)
			}
		}
	}
	return id, nil
}

// renew leaves a silence that lasts long enough, and no longer than asked, as
// it is: each change of a silence is gossiped to every replica.
func (c *Client) renew(ctx context.Context, old, want stored) (string, error) {
	span := want.EndsAt.Sub(want.StartsAt)
	if left := old.EndsAt.Sub(want.StartsAt); left > span*2/3 && left <= span+time.Minute {
		return old.ID, nil
	}
	want.ID = old.ID
	if old.StartsAt.Before(want.StartsAt) { // an active one is updated in place only with its own start
		want.StartsAt = old.StartsAt
	}
	return c.put(ctx, want)
}

// put returns the id that the server gives, which is another one where it
// could not update in place.
func (c *Client) put(ctx context.Context, s stored) (string, error) {
	var out struct {
		ID string `json:"silenceID"`
	}
	if err := c.call(ctx, http.MethodPost, "/api/v2/silences", nil, s, &out); err != nil {
		return "", err
	}
	if out.ID == "" {
		return "", errors.New("the server gave it no id")
	}
	return out.ID, nil
}

// Expire ends every silence of ours with the key. To end none is no error.
func (c *Client) Expire(ctx context.Context, key string) error {
	mine, err := c.ours(ctx, key)
	for _, s := range mine {
		err = errors.Join(err, c.expire(ctx, s.ID))
	}
	if err != nil {
		return fmt.Errorf("end silence %q: %w", key, err)
	}
	return nil
}

func (c *Client) expire(ctx context.Context, id string) error {
	err := c.call(ctx, http.MethodDelete, "/api/v2/silence/"+url.PathEscape(id), nil, nil, nil)
	var s *status
	if errors.As(err, &s) && s.code == http.StatusNotFound {
		return nil // somebody was faster
	}
	return err
}

// ours are the silences with our name and the key that still hold or will,
// the longest first.
func (c *Client) ours(ctx context.Context, key string) ([]stored, error) {
	var all []stored
	if err := c.call(ctx, http.MethodGet, "/api/v2/silences", nil, nil, &all); err != nil {
		return nil, fmt.Errorf("list silences: %w", err)
	}
	all = slices.DeleteFunc(all, func(s stored) bool {
		ended := s.Status != nil && s.Status.State == "expired"
		return ended || s.CreatedBy != c.o.CreatedBy || !strings.HasSuffix(s.Comment, marker(key))
	})
	slices.SortStableFunc(all, func(a, b stored) int { return b.EndsAt.Compare(a.EndsAt) })
	return all, nil
}

// Held is one of our silences that holds now.
type Held struct {
	Key    string
	EndsAt time.Time
}

// Ours lists our silences whose keys begin with prefix, each key once.
func (c *Client) Ours(ctx context.Context, prefix string) ([]Held, error) {
	var all []stored
	if err := c.call(ctx, http.MethodGet, "/api/v2/silences", nil, nil, &all); err != nil {
		return nil, fmt.Errorf("list silences: %w", err)
	}
	ends := map[string]time.Time{}
	for _, s := range all {
		if s.Status != nil && s.Status.State == "expired" || s.CreatedBy != c.o.CreatedBy {
			continue
		}
		at := strings.LastIndexByte(s.Comment, '[')
		if at < 0 || !strings.HasSuffix(s.Comment, "]") {
			continue
		}
		key := s.Comment[at+1 : len(s.Comment)-1]
		if strings.HasPrefix(key, prefix) && s.EndsAt.After(ends[key]) {
			ends[key] = s.EndsAt
		}
	}
	var out []Held
	for _, key := range slices.Sorted(maps.Keys(ends)) {
		out = append(out, Held{key, ends[key]})
	}
	return out, nil
}

func marker(key string) string { return "[" + key + "]" }

func (c *Client) check(s Silence) error {
	if s.Key == "" || strings.ContainsAny(s.Key, "[]\n") {
		return errors.New("it needs a key without brackets")
	}
	if s.For < time.Minute || s.For > MaxSilence {
		return fmt.Errorf("%s is not between 1m and %s: renew a short one instead", s.For, MaxSilence)
	}
	exact := slices.ContainsFunc(s.Matchers, func(m Matcher) bool {
		return m.Equal && !m.Regex && m.Value != "" && slices.Contains(c.o.Labels, m.Name)
	})
	if !exact {
		return fmt.Errorf("it would silence too much: it must name one of %s exactly", strings.Join(c.o.Labels, ", "))
	}
	return nil
}
