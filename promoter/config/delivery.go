package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// Delivery is the engines that bring the repository to clusters, and how long
// they are waited for.
type Delivery struct {
	At                 `yaml:"-"`
	ArgoCD             []ArgoCD `yaml:"argocd" doc:"Argo CD servers."`
	Flux               []Flux   `yaml:"flux" doc:"Clusters with Flux."`
	Dwell              Duration `yaml:"dwell" doc:"How long an application must be healthy to count as converged." default:"30s"`
	DegradedGrace      Duration `yaml:"degradedGrace" doc:"How long it may be unhealthy after a sync before that is a failure." default:"1m"`
	ProgressDeadline   Duration `yaml:"progressDeadline" doc:"How long a sync and what follows it may take." default:"10m"`
	RefreshPatience    Duration `yaml:"refreshPatience" doc:"How long an engine may leave a request to look at the repository unanswered before we say that we cannot see." default:"5m"`
	StuckAfter         Duration `yaml:"stuckAfter" doc:"How long an operation on another revision may run before it counts as stuck." default:"2m"`
	SuspendedIsHealthy bool     `yaml:"suspendedIsHealthy" doc:"A suspended workload, such as a paused rollout, is where it should be." default:"false"`
	DriftTolerant      bool     `yaml:"driftTolerant" doc:"Only what a commit changes must be in sync: for applications that drift all the time." default:"false"`
	EndOperations      bool     `yaml:"endOperations" doc:"End a stuck operation that keeps a revert out. The account of Argo CD then needs the right to sync applications, too." default:"false"`
	Patience           Duration `yaml:"patience" doc:"How long a merged pull request may stay unproven before a person is asked." default:"1h"`
	Reverts            string   `yaml:"reverts" doc:"How pull requests that take a failed change back are merged, where the class' policy does not say: automatic, approval, manual, or never: none is opened, and a person is asked." enum:"automatic,approval,manual,never" default:"approval"`
	RevertScope        string   `yaml:"revertScope" doc:"What a failure takes back: the pull requests of its wave and of later ones (wave), those that failed (failed), all of the change (change)." enum:"wave,failed,change" default:"wave"`
}

// ArgoCD is one Argo CD: its API, or the Application resources of the cluster
// that it lives in.
type ArgoCD struct {
	At           `yaml:"-"`
	Name         string   `yaml:"name" doc:"What it is called in messages." required:"true"`
	Server       string   `yaml:"server" doc:"URL of its API; without it its Application resources are read through a kubeconfig."`
	TokenFrom    string   `yaml:"tokenFrom" doc:"NAME of the environment variable that holds its token." pattern:"^[A-Za-z_][A-Za-z0-9_]*$"`
	CAFile       string   `yaml:"caFile" doc:"PEM file of its certificate authority, on the machine that runs Promoter." absent:"the system's authorities"`
	Plain        bool     `yaml:"plain" doc:"Let the token go over http." default:"false"`
	Selector     string   `yaml:"selector" doc:"Only Applications with these labels, as kubectl selects."`
	Projects     []string `yaml:"projects" doc:"Only Applications of these projects." absent:"all"`
	Environments []string `yaml:"environments" doc:"Names of the environments that it brings about, with *." glob:"name" absent:"all"`
	Clusters     []string `yaml:"clusters" doc:"Names of the clusters that it brings about, with *." glob:"name" absent:"all"`
	Kubeconfig   string   `yaml:"kubeconfig" doc:"Instead of server: a kubeconfig on the machine that runs Promoter; as kubectl finds it when absent."`
	Context      string   `yaml:"context" doc:"Instead of server: the kubeconfig's context; the current one when absent."`
	Namespace    string   `yaml:"namespace" doc:"Instead of server: the namespace of the Applications; all when absent."`
	Version      string   `yaml:"version" doc:"Instead of server: Argo CD's version, which resources do not tell: v3.1.4." pattern:"^v?[0-9]+\\.[0-9]+.*$"`
}

// Flux is one cluster with Flux.
type Flux struct {
	At           `yaml:"-"`
	Cluster      string   `yaml:"cluster" doc:"The cluster's name, as the environments give it." required:"true"`
	Kubeconfig   string   `yaml:"kubeconfig" doc:"A kubeconfig on the machine that runs Promoter." absent:"as kubectl finds it"`
	Context      string   `yaml:"context" doc:"The kubeconfig's context." absent:"the current one"`
	Environments []string `yaml:"environments" doc:"Names of the environments that it brings about, with *." glob:"name" absent:"all"`
}

// Delivers reports whether there is an engine that says how far a merge has
// come. Without one nothing is merged by itself.
func (d Delivery) Delivers() bool { return len(d.ArgoCD)+len(d.Flux) > 0 }

// written reports whether anything stands in the section.
func (d Delivery) written() bool { return d.Line > 0 }

func (c *Config) checkDelivery(at complain) {
	d := c.Delivery
	if d.written() && !d.Delivers() {
		at(d.Line, "delivery: no engine is named, so nothing is merged, verified or reverted: write argocd or flux, or take the section out")
	}
	if !d.Delivers() {
		for _, class := range classNames {
			if p := c.Policies[class]; p.Revert != "" {
				at(p.Line, "policies.%s.revert: without an engine nobody sees that a change has failed, and nothing is reverted: write delivery.argocd or delivery.flux, or take it out", class)
			}
		}
		if len(c.Gates) > 0 {
			at(c.Gates[0].Line, "gates: without an engine nobody knows when a change has arrived, and no gate is asked: write delivery.argocd or delivery.flux, or take the gates out")
		}
	}
	names := map[string]int{}
	for i, a := range d.ArgoCD {
		where := fmt.Sprintf("delivery.argocd[%d]", i)
		unique(names, a.Name, a.Line, where, at)
		a.check(where, at)
	}
	clusters := map[string]int{}
	for i, f := range d.Flux {
		where := fmt.Sprintf("delivery.flux[%d]", i)
		if f.Cluster == "" {
			at(f.Line, "%s: write its cluster: the name that the environments give it", where)
		} else if first, ok := clusters[f.Cluster]; ok {
			at(f.Line, "%s: cluster %q stands on line %d already: write the environments of both there", where, f.Cluster, first)
		}
		clusters[f.Cluster] = f.Line
	}
}

// unique complains of a name that is absent, or taken.
func unique(names map[string]int, name string, line int, where string, at complain) {
	first, taken := names[name]
	switch {
	case name == "":
		at(line, "%s: write its name", where)
	case taken:
		at(line, "%s: the name %q is taken on line %d: write another", where, name, first)
	default:
		names[name] = line
	}
}

func (a ArgoCD) check(where string, at complain) {
	if a.Version != "" && !argoVersion.MatchString(a.Version) {
		at(a.Line, "%s.version: %q is not a version: write one such as v3.1.4", where, a.Version)
	}
	if a.Server == "" {
		if a.TokenFrom != "" || a.CAFile != "" || a.Plain {
			at(a.Line, "%s: tokenFrom, caFile and plain are about its API: write server, or take them out", where)
		}
		return
	}
	if a.Kubeconfig+a.Context+a.Namespace+a.Version != "" {
		at(a.Line, "%s: kubeconfig, context, namespace and version are instead of server: keep one way to reach it", where)
	}
	if a.TokenFrom == "" {
		at(a.Line, "%s: write tokenFrom: the NAME of the environment variable that holds its token", where)
	}
	checkVariable(a.TokenFrom, a.Line, where+".tokenFrom", at)
	checkAddress(a.Server, a.Line, where+".server", a.TokenFrom != "" && !a.Plain, at)
}

var (
	argoVersion  = regexp.MustCompile(`^v?[0-9]+\.[0-9]+.*$`)
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// checkVariable refuses what is no variable's name, without repeating it: it
// may be the secret itself.
func checkVariable(name string, line int, key string, at complain) {
	if name != "" && !variableName.MatchString(name) {
		at(line, "%s: this is not the name of an environment variable: write the NAME of the variable that holds the secret, never the secret", key)
	}
}

// checkAddress holds an address to what can be asked. guarded says that
// secrets go there and that plain http is not allowed.
func checkAddress(address string, line int, key string, guarded bool, at complain) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		at(line, "%s: this is not an address: write one such as \"https://host.example.com\"", key)
	case u.User != nil:
		at(line, "%s: credentials stand in the address: take them out, and write the NAMES of environment variables", key)
	case guarded && u.Scheme == "http" && !loopback(u.Hostname()):
		at(line, "%s: secrets would go over plain http to %q: write https, or plain: true where the network is to be trusted", key, u.Host)
	}
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}
