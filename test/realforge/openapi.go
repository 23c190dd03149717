package realforge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Judge holds requests and answers to GitHub's OpenAPI description. It is a
// transport: what passes through it is judged.
type Judge struct {
	prefix string // of the API's paths on the server
	paths  map[string]any
	doc    map[string]any

	mu         sync.Mutex
	compiler   *jsonschema.Compiler
	schemas    map[string]*jsonschema.Schema
	complaints []string
	judged     map[string]int // by operation and status
	silent     map[string]int // what the description does not cover
}

// nodeModules is where npm installs what this directory asks for.
func nodeModules() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "node_modules")
}

// FindOpenAPI returns the path of the description, or why there is none.
func FindOpenAPI() (path, missing string) {
	path = os.Getenv("PROMOTER_GITHUB_OPENAPI")
	if path == "" {
		path = filepath.Join(nodeModules(), "@octokit", "openapi", "generated", "api.github.com.json")
	}
	if _, err := os.Stat(path); err != nil {
		return "", "GitHub's OpenAPI description is not installed: run npm ci --ignore-scripts in test/realforge, or name its file in PROMOTER_GITHUB_OPENAPI"
	}
	return path, ""
}

// resource is the name that the description has among schemas.
const resource = "https://api.github.com/openapi.json"

// NewJudge reads the description. Prefix is what the server's API paths begin
// with: "/api/v3", or nothing.
func NewJudge(path, prefix string) (*Judge, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	read, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		return nil, err
	}
	doc, ok := nullable(read).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("read %s: it is no object", path)
	}
	paths, ok := doc["paths"].(map[string]any)
	if !ok || len(paths) < 100 {
		return nil, fmt.Errorf("read %s: it describes %d paths", path, len(paths))
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4) // what the schemas of OpenAPI 3.0 are nearest to
	if err := c.AddResource(resource, doc); err != nil {
		return nil, err
	}
	return &Judge{prefix: prefix, paths: paths, doc: doc, compiler: c, schemas: map[string]*jsonschema.Schema{}, judged: map[string]int{}, silent: map[string]int{}}, nil
}

// nullable turns OpenAPI's "nullable" into what JSON Schema has for it.
func nullable(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = nullable(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = nullable(v[k])
		}
		if v["nullable"] != true {
			return v
		}
		delete(v, "nullable")
		return map[string]any{"anyOf": []any{v, map[string]any{"type": "null"}}}
	}
	return v
}

// Complaints returns what was found wrong.
func (j *Judge) Complaints() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.complaints)
}

// Judged returns how often each operation was judged, by "GET /path 200";
// and what is not in the description.
func (j *Judge) Judged() (judged, silent map[string]int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.judged, j.silent
}

// Over returns the transport that judges what passes through base.
func (j *Judge) Over(base http.RoundTripper) http.RoundTripper { return &judging{j, base} }

type judging struct {
	*Judge
	base http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (j *judging) RoundTrip(req *http.Request) (*http.Response, error) {
	var sent []byte
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		if sent, err = io.ReadAll(body); err != nil {
			return nil, err
		}
	}
	resp, err := j.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(got))
	if err != nil {
		return nil, err
	}
	j.judge(req, sent, resp, got)
	return resp, nil
}

func (j *Judge) judge(req *http.Request, sent []byte, resp *http.Response, got []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	path := strings.TrimPrefix(req.URL.EscapedPath(), j.prefix)
	if strings.HasSuffix(path, "/graphql") {
		j.silent[req.Method+" graphql"]++
		return
	}
	template, op := j.operation(req.Method, path)
	name := req.Method + " " + template
	complain := func(format string, args ...any) {
		j.complaints = append(j.complaints, fmt.Sprintf("%s %s: %d: ", req.Method, path, resp.StatusCode)+fmt.Sprintf(format, args...))
	}
	if op == nil {
		complain("GitHub has no such operation")
		return
	}
	j.query(op, req.URL.Query(), complain)
	if err := j.body(op, name, sent); err != nil && resp.StatusCode < 300 {
		complain("the request: %v", err)
	}
	key, documented := j.answer(op, name, resp.StatusCode)
	switch {
	case !documented && slices.Contains(everywhere, resp.StatusCode):
		j.silent[fmt.Sprint(name, " ", resp.StatusCode)]++
		return
	case !documented:
		complain("GitHub documents no such answer")
		return
	}
	j.judged[fmt.Sprint(name, " ", resp.StatusCode)]++
	if key == "" {
		if len(got) > 0 && resp.StatusCode < 300 {
			complain("an answer that GitHub gives without a body has one")
		}
		return
	}
	if err := j.valid(key, got); err != nil {
		complain("the answer: %v", err)
	}
}

// everywhere are answers that any call may have, and that the description
// names nowhere or only here and there.
var everywhere = []int{304, 401, 403, 404, 422, 429}

// operation finds the description of a call. Of several that fit, the one
// with the fewest parameters is meant.
func (j *Judge) operation(method, path string) (string, map[string]any) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	best, found := "", 1<<30
	for template, item := range j.paths {
		if _, ok := item.(map[string]any)[strings.ToLower(method)]; !ok {
			continue
		}
		if n, ok := match(strings.Split(strings.Trim(template, "/"), "/"), segments); ok && n < found {
			best, found = template, n
		}
	}
	if best == "" {
		return path, nil
	}
	op, _ := j.paths[best].(map[string]any)[strings.ToLower(method)].(map[string]any)
	return best, op
}

// match reports whether a path fits a template and with how many parameters.
// The last one takes the rest: names of refs hold slashes.
func match(template, path []string) (parameters int, ok bool) {
	for i, t := range template {
		if i >= len(path) {
			return 0, false
		}
		if strings.HasPrefix(t, "{") {
			parameters++
			if i == len(template)-1 && len(path) > len(template) && (t == "{ref}" || t == "{branch}") {
				return parameters + 100, true // any other that fits is meant before it
			}
		} else if t != path[i] {
			return 0, false
		}
	}
	return parameters, len(template) == len(path)
}

// follow resolves a reference.
func (j *Judge) follow(v any) (map[string]any, string) {
	m, _ := v.(map[string]any)
	ref, is := m["$ref"].(string)
	if !is {
		return m, ""
	}
	var at any = j.doc
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at = at.(map[string]any)[name]
	}
	m, _ = at.(map[string]any)
	return m, ref
}

// query holds the parameters of a request to the description.
func (j *Judge) query(op map[string]any, sent url.Values, complain func(string, ...any)) {
	list, _ := op["parameters"].([]any)
	for name, values := range sent {
		i := slices.IndexFunc(list, func(p any) bool {
			m, _ := j.follow(p)
			return m["in"] == "query" && m["name"] == name
		})
		if i < 0 {
			complain("GitHub has no parameter %q", name)
			continue
		}
		m, _ := j.follow(list[i])
		schema, _ := m["schema"].(map[string]any)
		if schema["type"] == "integer" {
			if _, err := strconv.Atoi(values[0]); err != nil {
				complain("parameter %s is no number: %q", name, values[0])
			}
		}
		if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, any(values[0])) {
			complain("parameter %s is %q, not one of %v", name, values[0], enum)
		}
	}
}

// body holds the body of a request to the description, and refuses fields
// that it does not name.
func (j *Judge) body(op map[string]any, name string, sent []byte) error {
	described, ref := j.follow(op["requestBody"])
	if described == nil {
		if len(sent) > 0 {
			return errors.New("GitHub wants no body")
		}
		return nil
	}
	if len(sent) == 0 {
		if described["required"] == true {
			return errors.New("GitHub wants a body")
		}
		return nil
	}
	schema, ok := inside(described, "content", "application/json", "schema")
	if !ok {
		return errors.New("GitHub wants no JSON")
	}
	if ref == "" {
		ref = pointer(name) + "/requestBody"
	}
	var object map[string]any
	if known, ok := schema["properties"].(map[string]any); ok && json.Unmarshal(sent, &object) == nil {
		for field := range object {
			if _, ok := known[field]; !ok {
				return fmt.Errorf("GitHub knows no field %q", field)
			}
		}
	}
	return j.valid(ref+"/content/application~1json/schema", sent)
}

// answer returns where the schema of an answer is: empty when it has none.
func (j *Judge) answer(op map[string]any, name string, status int) (at string, documented bool) {
	responses, _ := op["responses"].(map[string]any)
	r, ok := responses[strconv.Itoa(status)]
	if !ok {
		return "", false
	}
	described, ref := j.follow(r)
	if _, ok := inside(described, "content", "application/json", "schema"); !ok {
		return "", true
	}
	if ref == "" {
		ref = pointer(name) + "/responses/" + strconv.Itoa(status)
	}
	return ref + "/content/application~1json/schema", true
}

// pointer returns where an operation is described, as a URL's fragment.
func pointer(name string) string {
	method, template, _ := strings.Cut(name, " ")
	return "#/paths/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(template)) + "/" + strings.ToLower(method)
}

func inside(m map[string]any, names ...string) (map[string]any, bool) {
	for _, n := range names {
		next, ok := m[n].(map[string]any)
		if !ok {
			return nil, false
		}
		m = next
	}
	return m, true
}

// valid validates a text by the schema at a pointer.
func (j *Judge) valid(pointer string, text []byte) error {
	schema := j.schemas[pointer]
	if schema == nil {
		var err error
		if schema, err = j.compiler.Compile(resource + pointer); err != nil {
			return fmt.Errorf("compile the schema: %w", err)
		}
		j.schemas[pointer] = schema
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}
