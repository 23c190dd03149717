package appset

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync"

	"github.com/argoproj/argo-cd/v2/applicationset/controllers/template"
	"github.com/argoproj/argo-cd/v2/applicationset/generators"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/sirupsen/logrus"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// maxParameters bounds the parameter sets of one ApplicationSet, so that a
// matrix of two large files cannot exhaust the memory.
const maxParameters = 5000

// evaluation runs one ApplicationSet with Argo CD's own generators over the
// repository's files.
type evaluation struct {
	world *world
	// overlay replaces files while versions are traced.
	overlay map[string][]byte
	// read are the files whose contents became parameters.
	read map[string]bool
	// unknown are the kinds of generators that could not run.
	unknown map[string]bool
	labels  []metadataKey // asked of clusters by the templates
	count   int
}

// logging guards the level of logrus' global logger, to which Argo CD's
// generators write and which they let nobody choose.
var logging sync.Mutex

// generate returns the Applications that the ApplicationSet in text makes, in
// no order that means anything. With an error, those that could be made.
func (e *evaluation) generate(text []byte, item int) (apps []v1alpha1.Application, err error) {
	defer func() {
		if r := recover(); r != nil {
			apps, err = nil, fmt.Errorf("evaluate: argo cd's generators broke down: %v", r)
		}
	}()
	set, err := decode(text, item)
	if err != nil {
		return nil, err
	}
	e.labels = metadataKeys(text)
	logging.Lock()
	defer logging.Unlock()
	level := logrus.GetLevel()
	logrus.SetLevel(logrus.PanicLevel)
	defer logrus.SetLevel(level)
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	quiet.SetLevel(logrus.PanicLevel)

	if len(unknownKinds(set)) > 0 {
		// A key that only the cluster knows must not fail the whole template.
		set.Spec.GoTemplateOptions = nil
	}
	apps, _, err = template.GenerateApplications(logrus.NewEntry(quiet), *set, e.generators(), &renderer{}, projects{})
	return apps, err
}

// decode reads an ApplicationSet, or an item of a List (item -1: the document).
func decode(text []byte, item int) (*v1alpha1.ApplicationSet, error) {
	if item >= 0 {
		var list struct {
			Items []json.RawMessage `json:"items"`
		}
		if err := yaml.Unmarshal(text, &list); err != nil {
			return nil, fmt.Errorf("evaluate: %w", err)
		}
		if item >= len(list.Items) {
			return nil, fmt.Errorf("evaluate: the List has no item %d", item)
		}
		text = list.Items[item]
	}
	var set v1alpha1.ApplicationSet
	if err := yaml.Unmarshal(bytes.TrimSpace(text), &set); err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	if name := costly.FindSubmatch(text); name != nil && set.Spec.GoTemplate {
		return nil, fmt.Errorf("evaluate: the function %s is not run here", append(name[1], name[2]...))
	}
	return &set, nil
}

// costly are template functions whose result can be larger than any memory,
// takes long, or is another one each time; and indentation by more than a page.
var costly = regexp.MustCompile(`\{\{(?:[^}]*?[\s(|-])?(?:(repeat|until|untilStep|seq|gen(?:PrivateKey|CA|CAWithKey|SelfSignedCert|SelfSignedCertWithKey|SignedCert|SignedCertWithKey)|derivePassword|bcrypt|htpasswd|rand[A-Z]\w+|shuffle|uuidv4|now|ago|encryptAES|define|block)(?:[\s)}|])|(n?indent)\s+(?:\d{4,}|[^\s\d]))`)

// generators are Argo CD's, those that need the world outside replaced.
func (e *evaluation) generators() map[string]generators.Generator {
	leaves := map[string]generators.Generator{
		"List":     counted{generators.NewListGenerator(), e},
		"Git":      counted{generators.NewGitGenerator(gitFiles{e}, ""), e},
		"Clusters": counted{clusters{eval: e}, e},
	}
	for _, kind := range []string{"SCMProvider", "PullRequest", "Plugin", "ClusterDecisionResource"} {
		leaves[kind] = counted{outside{eval: e, kind: kind}, e}
	}
	nested := cloneWith(leaves, generators.NewMatrixGenerator(leaves), merge{e, leaves})
	return cloneWith(leaves, generators.NewMatrixGenerator(nested), merge{e, nested})
}

func cloneWith(leaves map[string]generators.Generator, matrix, merge generators.Generator) map[string]generators.Generator {
	all := map[string]generators.Generator{"Matrix": matrix, "Merge": merge}
	for k, g := range leaves {
		all[k] = g
	}
	return all
}

// counted refuses to go on when a generator has given too much.
type counted struct {
	generators.Generator
	eval *evaluation
}

func (c counted) GenerateParams(g *v1alpha1.ApplicationSetGenerator, set *v1alpha1.ApplicationSet, k client.Client) ([]map[string]any, error) {
	params, err := c.Generator.GenerateParams(g, set, k)
	if c.eval.count += len(params); c.eval.count > maxParameters {
		return nil, fmt.Errorf("evaluate: the generators give more than %d parameter sets", maxParameters)
	}
	return params, err
}

// projects answers what the Git generator asks the cluster: an AppProject,
// for its signature keys. Signatures are checked by Argo CD, not here.
type projects struct{ client.Client }

func (projects) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return nil
}

// unknownKinds lists the kinds of generators in a set that cannot run here.
func unknownKinds(set *v1alpha1.ApplicationSet) []string {
	text, err := json.Marshal(set.Spec.Generators)
	if err != nil {
		return nil
	}
	var kinds []string
	for _, kind := range []string{"clusters", "scmProvider", "pullRequest", "plugin", "clusterDecisionResource"} {
		if bytes.Contains(text, []byte(`"`+kind+`":`)) {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}
