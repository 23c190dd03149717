package forge

import (
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The pages are for the demo: what a reviewer would see.

var frame = template.Must(template.New("").Parse(`{{define "head"}}<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.}}</title><style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f2328}
a{color:#0969da;text-decoration:none}a:hover{text-decoration:underline}h1 small{color:#59636e;font-weight:400}
table{border-collapse:collapse;margin:.6rem 0}td,th{border:1px solid #d1d9e0;padding:.25rem .6rem;text-align:left;vertical-align:top}th{background:#f6f8fa}
code,pre{font:13px/1.45 ui-monospace,monospace;background:#f0f2f4;border-radius:4px}code{padding:.1em .3em}pre{padding:.7rem;overflow:auto}pre code{padding:0}
.state{color:#fff;border-radius:1em;padding:.2em .8em;font-size:13px}.open{background:#1a7f37}.merged{background:#8250df}.closed{background:#cf222e}.draft{background:#59636e}
.label{background:#ddf4ff;border-radius:1em;padding:.1em .6em;font-size:12px}.box{border:1px solid #d1d9e0;border-radius:6px;padding:.2rem 1rem;margin:1rem 0}
.meta{color:#59636e}.add{color:#1a7f37}.del{color:#cf222e}blockquote{border-left:3px solid #d1d9e0;margin-left:0;padding-left:1em;color:#59636e}</style>{{end}}
{{define "index"}}{{template "head" "Forge"}}<h1>Repositories</h1><ul>{{range .}}<li><a href="/{{.Name}}">{{.Name}}</a> <span class="meta">{{.Open}} open</span></li>{{end}}</ul>{{end}}
{{define "repo"}}{{template "head" .Name}}<p><a href="/">All repositories</a></p><h1>{{.Name}}</h1><p class="meta"><code>git clone {{.Clone}}</code></p><table><tr><th>#<th>Pull request<th>State<th>Branch</tr>
{{range .Pulls}}<tr><td>{{.Number}}<td><a href="{{.URL}}">{{.Title}}</a>{{range .Labels}} <span class="label">{{.}}</span>{{end}}<td><span class="state {{.Class}}">{{.Class}}</span><td><code>{{.Branch}}</code></tr>{{else}}<tr><td colspan="4">No pull requests.</tr>{{end}}</table>{{if .Issues}}<table><tr><th>#<th>Issue<th>State</tr>
{{range .Issues}}<tr><td>{{.Number}}<td><a href="{{.URL}}">{{.Title}}</a>{{range .Labels}} <span class="label">{{.}}</span>{{end}}<td><span class="state {{.State}}">{{.State}}</span></tr>{{end}}</table>{{end}}{{end}}
{{define "issue"}}{{template "head" .Title}}<p><a href="/{{.Repo}}">{{.Repo}}</a></p><h1>{{.Title}} <small>#{{.Number}}</small></h1>
<p><span class="state {{.State}}">{{.State}}</span> <b>{{.Author}}</b> <span class="meta">opened this issue{{if .ClosedBy}}, <b>{{.ClosedBy}}</b> closed it{{end}}</span>{{range .Labels}} <span class="label">{{.}}</span>{{end}}</p>
<div class="box">{{.Text}}</div>{{range .Said}}<div class="box"><p class="meta"><b>{{.By}}</b></p>{{.Text}}</div>{{end}}{{end}}
{{define "pull"}}{{template "head" .Title}}<p><a href="/{{.Repo}}">{{.Repo}}</a></p><h1>{{.Title}} <small>#{{.Number}}</small></h1>
<p><span class="state {{.Class}}">{{.Class}}</span> <b>{{.Author}}</b> <span class="meta">wants to merge <code>{{.Branch}}</code> into <code>{{.Base}}</code></span>{{range .Labels}} <span class="label">{{.}}</span>{{end}}</p>
{{if .Asked}}<p class="meta">Review is asked of {{range $i, $x := .Asked}}{{if $i}}, {{end}}{{$x}}{{end}}.</p>{{end}}
{{range .Reviews}}<p class="meta"><b>{{.By}}</b> {{.Said}}</p>{{end}}<div class="box">{{.Text}}</div>{{range .Statuses}}<p class="meta"><b>{{.State}}</b> {{.Context}}: {{.Description}}</p>{{end}}
{{range .Said}}<div class="box"><p class="meta"><b>{{.By}}</b></p>{{.Text}}</div>{{end}}
<h2>Changes</h2><pre>{{range .Diff}}<span class="{{.Class}}">{{.Text}}</span>
{{end}}</pre>{{end}}`))

type shownPull struct {
	Pull
	Repo, Class string
	Asked       []string
	Reviews     []shownReview
	Text        template.HTML
	Said        []shownComment
	Statuses    []shownStatus
	Diff        []shownLine
}

type shownIssue struct {
	Issue
	Repo string
	Text template.HTML
	Said []shownComment
}

type shownReview struct{ By, Said string }

type shownComment struct {
	By   string
	Text template.HTML
}
type shownStatus struct{ State, Context, Description string }
type shownLine struct{ Class, Text string }

func show(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// What the page shows was written by whoever opened the pull.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_ = frame.ExecuteTemplate(w, name, data) // the reader is gone
}

func class(p Pull) string {
	if p.State == "open" && p.Draft {
		return "draft"
	}
	return p.State
}

func (s *Server) indexPage(w http.ResponseWriter, _ *http.Request) {
	type row struct {
		Name string
		Open int
	}
	s.mu.Lock()
	all := s.sorted()
	s.mu.Unlock()
	var rows []row
	for _, r := range all {
		open := 0
		for _, p := range r.Pulls() {
			if p.State == "open" {
				open++
			}
		}
		rows = append(rows, row{r.full(), open})
	}
	show(w, "index", rows)
}

func (s *Server) repoPage(w http.ResponseWriter, hr *http.Request) {
	r := s.Repo(hr.PathValue("owner"), hr.PathValue("repo"))
	if r == nil {
		http.NotFound(w, hr)
		return
	}
	data := struct {
		Name, Clone string
		Pulls       []shownPull
		Issues      []Issue
	}{Name: r.full(), Clone: r.CloneURL(""), Issues: r.Issues()}
	slices.Reverse(data.Issues)
	all := r.Pulls()
	for i := len(all) - 1; i >= 0; i-- {
		data.Pulls = append(data.Pulls, shownPull{Pull: all[i], Class: class(all[i])})
	}
	show(w, "repo", data)
}

func (s *Server) issuePage(w http.ResponseWriter, hr *http.Request) {
	r := s.Repo(hr.PathValue("owner"), hr.PathValue("repo"))
	n, err := strconv.Atoi(hr.PathValue("number"))
	if r == nil || err != nil {
		http.NotFound(w, hr)
		return
	}
	all := r.Issues()
	nth := slices.IndexFunc(all, func(i Issue) bool { return i.Number == n })
	if nth < 0 {
		http.NotFound(w, hr)
		return
	}
	i := shownIssue{Issue: all[nth], Repo: r.full(), Text: markdown(all[nth].Body)}
	for _, c := range i.Comments {
		i.Said = append(i.Said, shownComment{c.By, markdown(c.Text)})
	}
	show(w, "issue", i)
}

func (s *Server) pullPage(w http.ResponseWriter, hr *http.Request) {
	r := s.Repo(hr.PathValue("owner"), hr.PathValue("repo"))
	n, err := strconv.Atoi(hr.PathValue("number"))
	if r == nil || err != nil {
		http.NotFound(w, hr)
		return
	}
	all := r.Pulls()
	nth := slices.IndexFunc(all, func(p Pull) bool { return p.Number == n })
	if nth < 0 {
		http.NotFound(w, hr)
		return
	}
	p := shownPull{Pull: all[nth], Repo: r.full(), Class: class(all[nth]), Text: markdown(all[nth].Body)}
	p.Asked = append(append(p.Asked, p.Reviewers...), p.Teams...)
	s.mu.Lock()
	at := r.find(n)
	from := at.baseAt
	for _, v := range at.reviews {
		p.Reviews = append(p.Reviews, shownReview{v.by, strings.ToLower(strings.ReplaceAll(v.state, "_", " "))})
	}
	for _, c := range at.comments {
		p.Said = append(p.Said, shownComment{c.by, markdown(c.text)})
	}
	for _, sha := range []string{p.Head, p.Merge} {
		p.Statuses = append(p.Statuses, newest(r.statuses[sha])...)
	}
	s.mu.Unlock()
	p.Diff = r.diff(from, p.Head)
	show(w, "pull", p)
}

// newest are the newest status of each context, in the order in which the
// contexts came.
func newest(all []status) []shownStatus {
	at := map[string]int{}
	var out []shownStatus
	for _, st := range all {
		shown := shownStatus{st.state, st.context, st.description}
		if i, known := at[st.context]; known {
			out[i] = shown
			continue
		}
		at[st.context] = len(out)
		out = append(out, shown)
	}
	return out
}

// diff returns what a pull changes, line by line.
func (r *Repo) diff(base, head string) []shownLine {
	common, err := r.mergeBase(base, head)
	if err != nil {
		return nil
	}
	out, err := r.git(nil, nil, "diff-tree", "-p", "--no-color", common, head)
	if err != nil {
		return nil
	}
	var lines []shownLine
	for text := range strings.SplitSeq(out, "\n") {
		l := shownLine{Text: text}
		switch {
		case strings.HasPrefix(text, "+"):
			l.Class = "add"
		case strings.HasPrefix(text, "-"):
			l.Class = "del"
		}
		lines = append(lines, l)
		if len(lines) == 2000 {
			return append(lines, shownLine{Text: "…"})
		}
	}
	return lines
}
