package legacy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"promoter/promoter"
)

// newest is the highest release that is not a pre-release. Of images and Git
// tags only plain versions count, "1.2.3" or "v1.2.3", whichever are more.
func newest(l promoter.Listing) (promoter.Release, bool) {
	var best [2]*promoter.Release // without and with a "v"
	var count [2]int
	if l.Unknown != "" {
		return promoter.Release{}, false
	}
	for i := range l.Releases {
		r := &l.Releases[i]
		style := 0
		if strings.HasPrefix(r.Version, "v") {
			style = 1
		}
		if l.Artifact.Kind == promoter.Chart || l.Artifact.Kind == promoter.Galaxy {
			style = 0
		} else if !plain(strings.TrimPrefix(r.Version, "v")) {
			continue
		}
		if promoter.IsPreRelease(l.Artifact.Kind, r.Version) {
			continue
		}
		over := r.Version
		if best[style] != nil {
			over = best[style].Version
		}
		c, ok := promoter.Compare(l.Artifact.Kind, r.Version, over)
		if !ok {
			continue
		}
		count[style]++
		if best[style] == nil || c > 0 {
			best[style] = r
		}
	}
	pick := 0
	if count[1] > count[0] {
		pick = 1
	}
	if best[pick] == nil {
		return promoter.Release{}, false
	}
	return *best[pick], true
}

// plain reports whether a version is three numbers and dots.
func plain(v string) bool {
	return strings.Count(v, ".") == 2 && strings.Trim(v, "0123456789.") == "" && !strings.Contains(v, "..") && !strings.HasPrefix(v, ".") && !strings.HasSuffix(v, ".")
}

// instead names the version to write.
func (in Input) instead(p *promoter.Pin, c promoter.Choice) string {
	text := "write one version"
	if r, ok := newest(in.Listings[p.Artifact]); ok {
		text = fmt.Sprintf("write a version: %s is the newest", r.Version)
	} else if p.Artifact.Kind == promoter.Git {
		text = "write a tag or a commit"
	}
	if c.Current != nil && c.Current.Digest != "" && p.Version != "" {
		text += fmt.Sprintf(", or keep the name and pin what it is now: %s@%s", p.Version, c.Current.Digest)
	}
	return text
}

// graded is High in production and Medium elsewhere.
func graded(p *promoter.Pin) promoter.Severity {
	if production(p) {
		return promoter.High
	}
	return promoter.Medium
}

// replacedImages tells images of manifests that an overlay's list of images
// replaces: "image: web:placeholder" is no version that ever runs. Kustomize
// matches by name, so a bare name in a manifest is that of an overlay's image.
func (in Input) replacedImages() func(*promoter.Pin) bool {
	overlays := map[string]bool{}
	for i := range in.Pins {
		p := &in.Pins[i]
		if p.Artifact.Kind == promoter.Image && p.Artifact.Name != "" && p.Detector != "manifest" && strings.Contains(p.Place.Path, "images[") {
			overlays[p.Artifact.Ref()] = true
			overlays["docker.io/library/"+path.Base(p.Artifact.Name)] = true
		}
	}
	return func(p *promoter.Pin) bool {
		return p.Detector == "manifest" && overlays[p.Artifact.Ref()]
	}
}

// floatingVersion finds names that move. A GitOps engine that follows a branch
// of its own repository is how GitOps works; a base that a build takes from a
// branch is not.
func floatingVersion(in Input) []promoter.Finding {
	fs := gather("floating-version")
	replaced := in.replacedImages()
	for _, i := range in.order() {
		p := &in.Pins[i]
		if p.Form != promoter.Floating || p.Digest != "" || p.Artifact.Kind == promoter.Git && p.Consumer != promoter.ByGit || replaced(p) {
			continue
		}
		fs.add(promoter.Finding{
			Severity: graded(p), Artifact: p.Artifact, Place: p.Place,
			Evidence: fmt.Sprintf("%q of %s moves: what runs depends on when it was pulled", p.Version, refOf(p.Artifact)),
			Remedy:   in.instead(p, in.Choices[i]),
		})
	}
	return fs.list
}

func refOf(a promoter.Artifact) string {
	if a.Name == "" && a.Source == "" {
		return "the chart's own " + string(a.Kind)
	}
	return a.Ref()
}

// missingVersion finds what has no version at all. In values an image without
// a tag stands for the chart's appVersion, which is a version.
func missingVersion(in Input) []promoter.Finding {
	fs := gather("missing-version")
	replaced := in.replacedImages()
	for _, i := range in.order() {
		p := &in.Pins[i]
		if p.Form != promoter.Missing || p.Digest != "" {
			continue
		}
		switch p.Artifact.Kind {
		case promoter.Image:
			if p.Detector != "manifest" || replaced(p) {
				continue
			}
		case promoter.Git:
			if p.Consumer != promoter.ByGit {
				continue
			}
		}
		fs.add(promoter.Finding{
			Severity: graded(p), Artifact: p.Artifact, Place: p.Place,
			Evidence: fmt.Sprintf("no version of %s is written: the newest is taken", refOf(p.Artifact)),
			Remedy:   in.instead(p, in.Choices[i]),
		})
	}
	return fs.list
}

func rangeInProduction(in Input) []promoter.Finding {
	fs := gather("range-in-production")
	for _, i := range in.order() {
		p := &in.Pins[i]
		if p.Form != promoter.Range || !production(p) {
			continue
		}
		now, remedy := "", "write one version"
		if v := in.resolved(i); v != "" {
			now, remedy = ", "+v+" now", fmt.Sprintf("write %s, which it stands for now", v)
		}
		fs.add(promoter.Finding{
			Artifact: p.Artifact, Place: p.Place,
			Evidence: fmt.Sprintf("%s is at %q in %s%s: a new release is deployed without a commit", p.Artifact.Ref(), p.Version, where(p), now),
			Remedy:   remedy,
		})
	}
	return fs.list
}

func where(p *promoter.Pin) string {
	if p.Environment != "" {
		return p.Environment
	}
	return p.Cluster
}

// versionSkew finds artifacts at different versions in different environments,
// where the versions can be compared.
func versionSkew(in Input) []promoter.Finding {
	fs := gather("version-skew")
	byArtifact := map[promoter.Artifact][]int{}
	var artifacts []promoter.Artifact
	for _, i := range in.order() {
		p := &in.Pins[i]
		if p.Form != promoter.Exact || p.Environment == "" || p.Artifact.Name == "" || p.Version == "" {
			continue
		}
		if byArtifact[p.Artifact] == nil {
			artifacts = append(artifacts, p.Artifact)
		}
		byArtifact[p.Artifact] = append(byArtifact[p.Artifact], i)
	}
	for _, a := range artifacts {
		for _, group := range in.alike(a.Kind, byArtifact[a]) {
			if f, ok := in.skew(a, group); ok {
				fs.add(f)
			}
		}
	}
	return fs.list
}

// alike divides pins of one artifact into those whose versions can be
// compared: "16.6.0" and "v1.22.2" of one repository are two things.
func (in Input) alike(kind promoter.Kind, pins []int) [][]int {
	var groups [][]int
	for _, i := range pins {
		k := slices.IndexFunc(groups, func(g []int) bool {
			_, ok := promoter.Compare(kind, in.Pins[g[0]].Version, in.Pins[i].Version)
			return ok
		})
		if k < 0 {
			groups = append(groups, []int{i})
			continue
		}
		groups[k] = append(groups[k], i)
	}
	return groups
}

func (in Input) skew(a promoter.Artifact, pins []int) (promoter.Finding, bool) {
	order := func(x, y string) int {
		if x == y {
			return 0
		}
		if c, ok := promoter.Compare(a.Kind, x, y); ok && c != 0 {
			return c
		}
		return strings.Compare(x, y)
	}
	versions := map[string][]string{} // by environment
	var envs []string
	lowest, highest := pins[0], pins[0]
	for _, i := range pins {
		p := &in.Pins[i]
		if versions[p.Environment] == nil {
			envs = append(envs, p.Environment)
		}
		if !slices.Contains(versions[p.Environment], p.Version) {
			versions[p.Environment] = append(versions[p.Environment], p.Version)
		}
		if order(p.Version, in.Pins[lowest].Version) < 0 {
			lowest = i
		}
		if order(p.Version, in.Pins[highest].Version) > 0 {
			highest = i
		}
	}
	if !apart(a.Kind, envs, versions) {
		return promoter.Finding{}, false
	}
	// The lowest version leads: it is what lags.
	f := promoter.Finding{Artifact: a, Place: in.Pins[lowest].Place}
	for _, i := range pins {
		if i != lowest {
			f.Also = append(f.Also, in.Pins[i].Place)
		}
	}
	slices.SortFunc(envs, promoter.CompareEnvironments)
	var texts []string
	for _, e := range envs {
		slices.SortFunc(versions[e], order)
		texts = append(texts, e+" "+strings.Join(versions[e], " and "))
	}
	f.Evidence = fmt.Sprintf("%s: %s", a.Ref(), strings.Join(texts, ", "))
	f.Remedy = fmt.Sprintf("bring every environment to %s, the highest of them", in.Pins[highest].Version)
	return f, true
}

// apart reports whether two environments hold different versions and not both
// hold both.
func apart(kind promoter.Kind, envs []string, versions map[string][]string) bool {
	for i, e := range envs {
		for _, o := range envs[i+1:] {
			for _, x := range versions[e] {
				for _, y := range versions[o] {
					if slices.Contains(versions[o], x) && slices.Contains(versions[e], y) {
						continue
					}
					if c, ok := promoter.Compare(kind, x, y); ok && c != 0 {
						return true
					}
				}
			}
		}
	}
	return false
}
