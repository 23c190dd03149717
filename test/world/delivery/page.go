package delivery

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"
	"time"

	"promoter/test/world/argocd"
)

var pageTemplate = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>Applications</title>
<style>
body{font:14px system-ui,sans-serif;margin:2em;color:#222}
table{border-collapse:collapse}th,td{text-align:left;padding:.3em 1em .3em 0;border-bottom:1px solid #ddd;vertical-align:top}
.Healthy,.Synced,.Succeeded{color:#167a3c}.Degraded,.Failed,.Unknown{color:#b3261e}.Progressing,.Running,.OutOfSync,.Missing{color:#8a5a00}
code{font-size:13px}small{color:#666}
</style></head><body>
<h1>Applications</h1>
<p>{{.Now}} · <code>{{.Branch}}</code> at <code>{{.Head}}</code> {{.Title}}</p>
{{range .Problems}}<p class="Unknown">{{.}}</p>{{end}}
<table><tr><th>Application<th>Cluster<th>Sync<th>Health<th>Revision<th>Runs<th>Operation</tr>
{{range .Apps}}<tr><td>{{.Name}}<td>{{.Cluster}}<td class="{{.Sync}}">{{.Sync}}<td class="{{.Health}}">{{.Health}}<br><small>since {{.Since}}</small>
<td>{{range .Revisions}}<code>{{.}}</code><br>{{end}}<td>{{range .Runs}}{{.}}<br>{{end}}<td><span class="{{.Phase}}">{{.Phase}}</span><br><small>{{.Message}}</small></tr>
{{end}}</table></body></html>
`))

type pageApp struct {
	Name, Cluster, Sync, Health, Since, Phase, Message string
	Revisions, Runs                                    []string
}

// page lists the Applications for people who watch.
func (e *Engine) page(w http.ResponseWriter) {
	e.mu.Lock()
	data := struct {
		Now, Branch, Head, Title string
		Problems                 []string
		Apps                     []pageApp
	}{Now: clock(e.config.Now()), Branch: e.config.Branch, Head: short(e.head), Title: e.title, Problems: e.problems}
	if e.headErr != nil {
		data.Problems = append([]string{e.headErr.Error()}, data.Problems...)
	}
	for _, a := range e.sorted() {
		now, _ := e.server.Get(a.key) // there as long as we hold the lock
		data.Apps = append(data.Apps, a.onPage(now))
	}
	e.mu.Unlock()
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // who is gone needs no page
}

func (a *app) onPage(now argocd.Application) pageApp {
	p := pageApp{
		Name: a.key.Name, Cluster: a.place.Cluster, Sync: now.Status.Sync.Status, Health: a.health, Since: clock(a.since),
	}
	revisions := now.Status.Sync.Revisions
	if len(revisions) == 0 {
		revisions = []string{now.Status.Sync.Revision}
	}
	for _, r := range revisions {
		p.Revisions = append(p.Revisions, short(r))
	}
	for _, r := range a.running {
		p.Runs = append(p.Runs, r.Artifact[strings.LastIndex(r.Artifact, "/")+1:]+" "+r.Version)
	}
	if op := now.Status.OperationState; op != nil {
		p.Phase, p.Message = op.Phase, op.Message
	}
	for _, c := range now.Status.Conditions {
		p.Message = c.Type + ": " + c.Message
	}
	if p.Health == "Degraded" {
		p.Message = a.ill.Message
	}
	return p
}

func short(revision string) string {
	if len(revision) == 40 && !strings.Contains(revision, ".") {
		return revision[:10]
	}
	return revision
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
