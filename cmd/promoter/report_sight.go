package main

import (
	"slices"

	"promoter/detectors"
	"promoter/detectors/scan"
	"promoter/promoter"
	"promoter/promoter/config"
	"promoter/promoter/report"
)

// sight is how a report sees a branch: what stands there now, and where it
// belongs.
type sight struct {
	*surveyed
	scope     scope
	policy    promoter.Policy
	detectors []detectors.Detector
	targets   []promoter.Target
	shared    map[string][]promoter.Reached // by file: what it reaches now
}

func newSight(s *surveyed, sc scope) (*sight, error) {
	v := &sight{surveyed: s, scope: sc, policy: policyOf(s), shared: map[string][]promoter.Reached{}}
	var err error
	if v.detectors, err = detectorList(s.config); err != nil {
		return nil, err
	}
	v.targets = targets(s, v.policy, reachOf(s, v.policy))
	for i := range v.targets {
		file := v.targets[i].Pin.Place.File
		for _, r := range v.targets[i].Reach {
			if !slices.Contains(v.shared[file], r) {
				v.shared[file] = append(v.shared[file], r)
			}
		}
	}
	return v, nil
}

// waves are the waves' names; what belongs to no environment is in none.
func (v *sight) waves() []string {
	var out []string
	for _, w := range v.policy.Waves {
		out = append(out, w.Name)
	}
	return out
}

// ranked is a wave that counts: the one that stands for no environment does
// not.
func (v *sight) ranked(wave int) bool {
	return wave >= 0 && (len(v.config.Waves) > 0 || v.policy.Waves[wave].Name != config.Elsewhere)
}

// reaches says where what is written in a file belongs: by its path, by the
// application or cluster that it names, else by what the file reaches now.
func (v *sight) reaches(file, app, cluster string) []promoter.Reached {
	if l, ok := v.locate(file, app, cluster); ok {
		return []promoter.Reached{{Environment: l.Name, Tenant: l.Tenant, Cluster: l.Cluster, Wave: v.config.WaveOf(l, v.policy.Waves)}}
	}
	return v.shared[file]
}

// where is a report.Tracker's: false for what the scope leaves out.
func (v *sight) where(p promoter.Pin) (report.At, bool) {
	var at report.At
	in := v.scope.everywhere() && len(v.scope.waves) == 0
	for _, r := range v.reaches(p.Place.File, p.App, p.Cluster) {
		if !v.ranked(r.Wave) || !v.scope.wave(v.policy.Waves[r.Wave].Name) || !v.scope.placed(r.Environment, r.Tenant) {
			continue
		}
		in = true
		if !slices.Contains(at.Waves, r.Wave) {
			at.Waves = append(at.Waves, r.Wave)
		}
	}
	slices.Sort(at.Waves)
	return at, in
}

// mayRead reports whether a scan looks into a file.
func (v *sight) mayRead(file string) bool {
	return scan.Reads(file, v.detectors)
}

// pins are those of one file, and whether anything of it could be read.
func (v *sight) pins(file string, data []byte) (pins []promoter.Pin, ok bool) {
	r := scan.File(file, data, v.detectors)
	for i := range r.Pins {
		pins = append(pins, r.Pins[i].Pin)
	}
	return pins, len(r.Errors) == 0 || len(pins) > 0
}

// inScope reports whether the scope leaves a target.
func (v *sight) inScope(t *promoter.Target) bool {
	if w := lastOf(*t); !v.ranked(w) || !v.scope.wave(v.policy.Waves[w].Name) {
		return false
	}
	if v.scope.everywhere() {
		return true
	}
	for _, r := range t.Reach {
		if v.scope.placed(r.Environment, r.Tenant) {
			return true
		}
	}
	return len(t.Reach) == 0 && v.scope.placed(t.Pin.Environment, t.Pin.Tenant)
}

// waveOfSlug is the wave that a branch's name has; -1 for none.
func (v *sight) waveOfSlug(slug string) int {
	return slices.IndexFunc(v.policy.Waves, func(w promoter.Wave) bool {
		b, ok := promoter.ParseBranch(promoter.Branch{Change: "x", Wave: w.Name}.String())
		return ok && b.Wave == slug
	})
}
