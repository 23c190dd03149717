package config

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// waves puts every environment into one wave, in the usual order. It returns
// those whose turn no word tells, too.
func (in *inference) waves(rules []Environment) (waves []Wave, guessed []string) {
	u := &user{c: &Config{Environments: rules}, g: in.Ground, envs: map[string]*EnvironmentUse{}}
	u.g.Pins = slices.DeleteFunc(slices.Clone(in.Pins), func(p promoter.Pin) bool { return in.tool(p.Place.File) || isPattern(p.Environment) })
	u.survey()
	turns := map[string][]string{} // environments by the known word that they are a kind of
	var known []string
	for _, name := range slices.SortedFunc(maps.Keys(u.envs), promoter.CompareEnvironments) {
		turn := in.turn(name)
		if turn == "" {
			guessed = append(guessed, name)
			continue
		}
		if turns[turn] == nil {
			known = append(known, turn)
		}
		turns[turn] = append(turns[turn], name)
	}
	switch {
	case len(guessed) == 1 || len(known) == 0 && len(guessed) == 2:
		for _, name := range guessed {
			known = append(known, name)
			turns[name] = []string{name}
		}
	case len(guessed) > 0 && len(known) == 0:
		known = append(known, guessed[0], "rest")
		turns[guessed[0]], turns["rest"] = guessed[:1], guessed[1:]
	case len(guessed) > 0:
		known = append(known, "others")
		turns["others"] = guessed
	}
	if len(known) > 0 && (len(guessed) < 2 || turns["others"] != nil) {
		slices.SortStableFunc(known, promoter.CompareEnvironments)
	}
	all := slices.Collect(maps.Keys(u.envs))
	taken := map[string]bool{}
	for i, turn := range known {
		names := turns[turn]
		w := Wave{Name: turn, Environments: in.patterns(names, all, rules)}
		if len(names) == 1 {
			w.Name = names[0]
		}
		w.Name = plainWave(w.Name, taken)
		if i < len(known)-1 {
			w.Soak = Duration(time.Hour)
		} else {
			w.Split = split(u, names)
		}
		waves = append(waves, w)
	}
	if len(guessed) < 2 && len(waves) < 2 {
		guessed = nil // one environment needs no order
	}
	return waves, guessed
}

// turn is the known word that an environment is a kind of, or "".
func (in *inference) turn(name string) string {
	for env, raw := range in.raws {
		if raw[name] && in.Words.Word(env) != "" {
			return env
		}
	}
	if w := in.Words.Word(name); w != "" {
		return w
	}
	if env, _ := in.Words.Name(name); env != "" {
		return env
	}
	found := ""
	for rest := name; rest != ""; {
		n := partLen(rest)
		if w := in.Words.Word(rest[:n]); w != "" {
			if found != "" && found != w {
				return ""
			}
			found = w
		}
		rest = rest[min(n+1, len(rest)):]
	}
	return found
}

// patterns are a wave's environments: by the template of the rule that gives
// several of them, so that the next one is in it too.
func (in *inference) patterns(names, all []string, rules []Environment) []string {
	left := slices.Clone(names)
	var out []string
	for _, e := range rules {
		if capture.FindString(e.Name) == e.Name || !strings.Contains(e.Name, "{") {
			continue
		}
		p := capture.ReplaceAllString(e.Name, "*")
		compiled, err := CompileName(p)
		if err != nil || slices.Contains(out, p) {
			continue
		}
		matches := func(n string) bool { _, ok := compiled.Match(n); return ok }
		if !slices.ContainsFunc(left, matches) || slices.ContainsFunc(all, func(n string) bool { return matches(n) && !slices.Contains(names, n) }) {
			continue
		}
		out = append(out, p)
		left = slices.DeleteFunc(left, matches)
	}
	for i, n := range left {
		if isPattern(n) {
			left[i] = strings.Map(func(r rune) rune {
				if strings.ContainsRune("{}", r) {
					return '*'
				}
				return r
			}, n)
		}
	}
	return append(left, out...)
}

// plainWave is a name that may be part of a branch's, and that no other wave
// has.
func plainWave(name string, taken map[string]bool) string {
	plain := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
	plain = cmp.Or(strings.TrimLeft(plain, "-_."), "wave")
	for taken[plain] {
		plain += "-2"
	}
	taken[plain] = true
	return plain
}

// split is how the most careful wave is spread over pull requests.
func split(u *user, names []string) string {
	tenants, clusters := map[string]bool{}, map[string]bool{}
	for _, n := range names {
		for _, t := range u.envs[n].Tenants {
			tenants[t] = true
		}
		for _, c := range u.envs[n].Clusters {
			clusters[c] = true
		}
	}
	switch {
	case len(tenants) > 1:
		return string(promoter.SplitTenant)
	case len(names) > 1:
		return string(promoter.SplitEnvironment)
	case len(clusters) > 1:
		return string(promoter.SplitCluster)
	}
	return ""
}

// infrastructure are the names of what everything else on a cluster needs.
var infrastructure = []string{
	"*-crd", "*-crds", "*gateway-api*", "cert-manager*", "*/cert-manager*", "*ingress-nginx*", "*nginx-ingress*", "*ingress-gateway*", "traefik*", "*envoy-gateway*", "gateway-helm", "*haproxy-ingress*", "contour*",
	"cilium*", "calico*", "tigera-operator*", "*multus*", "metallb*", "kube-vip*", "coredns*", "*external-dns*",
	"istio*", "base", "istiod*", "ztunnel*", "cni", "linkerd*", "kuma*", "consul*",
	"argo-cd", "argocd*", "argoproj/argo-cd*", "fluxcd/*", "flux2*", "flux-operator*", "flux-instance*",
	"*csi-driver*", "*csi-external-snapshotter*", "*external-snapshotter*", "*snapshot-controller*", "longhorn*", "rook-*", "openebs*", "*ceph-csi*", "democratic-csi*", "local-path-provisioner*", "velero*",
	"external-secrets*", "sealed-secrets*", "vault*", "*trust-manager*", "spire*",
	"kyverno*", "gatekeeper*", "karpenter*", "*cluster-autoscaler*", "cluster-api*", "crossplane*", "metrics-server*", "keda*", "*cloud-controller-manager*", "gpu-operator*", "*nvidia-device-plugin*", "tekton*", "knative*", "strimzi*", "cloudnative-pg*",
}

// classes proposes C1 for well-known infrastructure.
func (in *inference) classes() []ClassRule {
	r := ClassRule{Class: string(promoter.C1)}
	compiled := compileAll(infrastructure, CompileName)
	for i, p := range compiled {
		if slices.ContainsFunc(in.Pins, func(pin promoter.Pin) bool {
			if pin.Artifact.Kind == promoter.Galaxy {
				return false
			}
			// These names say little by themselves.
			if name := infrastructure[i]; (name == "base" || name == "cni") && !strings.Contains(pin.Artifact.Source, "istio") {
				return false
			}
			_, ok := p.Match(pin.Artifact.Name)
			return ok
		}) {
			r.Match.Artifacts = append(r.Match.Artifacts, infrastructure[i])
		}
	}
	if len(r.Match.Artifacts) == 0 {
		return nil
	}
	return []ClassRule{r}
}

// groups proposes that custom resource definitions go before what uses them.
func (in *inference) groups() []Group {
	charts := map[string]bool{}
	for _, p := range in.Pins {
		if p.Artifact.Kind == promoter.Chart {
			charts[p.Artifact.Name] = true
		}
	}
	var out []Group
	for _, name := range slices.Sorted(maps.Keys(charts)) {
		for _, crds := range []string{name + "-crds", name + "-crd"} {
			if charts[crds] && plainName.MatchString(name) {
				out = append(out, Group{Name: name, Artifacts: []string{crds, name}, Ordered: true})
			}
		}
	}
	return out
}
