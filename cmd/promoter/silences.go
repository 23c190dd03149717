package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/gitops/alertmanager"
	"promoter/promoter"
	"promoter/promoter/config"
	"promoter/promoter/slo"
)

// silencer keeps the configured silences for one repository.
type silencer struct {
	prefix string // of its keys: the repository's
	rules  map[string]config.Silence
	meters map[string]*alertmanager.Client
}

// silencerOf is nil where nothing is silenced.
func silencerOf(c *config.Config, remote string, getenv func(string) string) (gitops.Silencer, error) {
	if len(c.Silences) == 0 {
		return nil, nil
	}
	s := &silencer{prefix: mirrorName(remote) + " ", rules: map[string]config.Silence{}, meters: map[string]*alertmanager.Client{}}
	for _, rule := range c.Silences {
		s.rules[rule.Name] = rule
	}
	for _, m := range c.Meters {
		if m.Kind != config.MeterAlertmanager {
			continue
		}
		p, err := provider(m, getenv)
		if err != nil {
			return nil, fmt.Errorf("meter %s: %w", m.Name, err)
		}
		if client, ok := p.(*alertmanager.Client); ok {
			s.meters[m.Name] = client
		}
	}
	return s, nil
}

// of is the alert manager of a rule.
func (s *silencer) of(rule string) (config.Silence, *alertmanager.Client, error) {
	r, ok := s.rules[rule]
	if !ok {
		return r, nil, fmt.Errorf("there is no silence %q", rule)
	}
	client := s.meters[r.Meter]
	if client == nil {
		return r, nil, fmt.Errorf("alertmanager %s cannot be asked: a secret that it needs is not set", r.Meter)
	}
	return r, client, nil
}

func (s *silencer) Silences(ctx context.Context) ([]promoter.Silence, error) {
	var out []promoter.Silence
	for name, client := range s.meters {
		held, err := client.Ours(ctx, s.prefix)
		if err != nil {
			return nil, fmt.Errorf("alertmanager %s: %w", name, err)
		}
		for _, h := range held {
			out = append(out, promoter.Silence{Key: strings.TrimPrefix(h.Key, s.prefix), Ends: h.EndsAt})
		}
	}
	return out, nil
}

func (s *silencer) Keep(ctx context.Context, a promoter.KeepSilence) error {
	rule, client, err := s.of(a.Rule)
	if err != nil {
		return err
	}
	scope := slo.Scope{Environment: a.At.Environment, Tenant: a.At.Tenant, Cluster: a.At.Cluster, App: a.At.App}
	text, err := slo.Render(rule.Match, slo.Matchers, scope, 0, time.Time{})
	if err != nil {
		return err
	}
	matchers, err := alertmanager.ParseMatchers(text)
	if err != nil {
		return err
	}
	_, err = client.Silence(ctx, alertmanager.Silence{Key: s.prefix + a.Key, Matchers: matchers, For: a.For, Comment: "Promoter: " + a.Why})
	return err
}

func (s *silencer) End(ctx context.Context, a promoter.EndSilence) error {
	for name, client := range s.meters {
		if err := client.Expire(ctx, s.prefix+a.Key); err != nil {
			return fmt.Errorf("alertmanager %s: %w", name, err)
		}
	}
	return nil
}
