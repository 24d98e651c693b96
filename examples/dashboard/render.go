package main

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
)

// This file renders pages.

//go:embed templates/*.html
var templateFiles embed.FS

// A view is what every page has, and the data of one page.
type view struct {
	Title      string
	Controller string // its name and version
	Writes     bool
	Refresh    int64   // milliseconds until an open page refreshes; 0: never
	Reload     int64   // seconds until a browser without scripts reloads it; 0: never
	Notice     *notice // why nothing can be read at present
	Data       any
}

func (d *dashboard) view(title string, data any) view {
	v := view{Title: title, Controller: d.controller, Writes: d.writes, Refresh: d.refresh.Milliseconds(), Data: data}
	if server, ok := d.client.Server(); ok {
		v.Controller += ", API " + server.API.String()
	}
	return v
}

// hurry makes an open page refresh soon, because more is being read.
func (v *view) hurry() { v.Refresh, v.Reload = min(v.Refresh, 1000), 3 }

// render writes a complete page, or an error.
func (d *dashboard) render(w http.ResponseWriter, status int, name string, v view) {
	var page bytes.Buffer
	if err := pages[name].ExecuteTemplate(&page, "layout.html", v); err != nil {
		d.log.Error("a page could not be rendered", "page", name, "error", err)
		http.Error(w, "The page could not be rendered.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(page.Bytes()) // an error means that the browser has gone
}

// A refusal is a page that says why something does not exist, or was not done.
type refusal struct {
	advice
	Back    string
	Ways    []wayOut
	NotDone string // what was not done, in one sentence; empty if nothing was requested
}

// A wayOut is an alternative: the address of its question, the text of the link to it, and why to choose it.
type wayOut struct{ Question, Do, Why string }

// refuse responds with a page that says why.
func (d *dashboard) refuse(w http.ResponseWriter, status int, why string) {
	d.refusal(w, refusal{advice: advice{What: why, Status: status}, Back: "/"})
}

func (d *dashboard) refusal(w http.ResponseWriter, r refusal) {
	title := r.What
	if r.NotDone != "" {
		title = r.NotDone
	}
	v := d.view(title, r)
	v.Refresh = 0
	d.render(w, r.Status, "refused.html", v)
}

// errorPage responds with an error instead of a page, and makes the browser reload.
func (d *dashboard) errorPage(w http.ResponseWriter, a advice) {
	v := d.view(a.What, refusal{advice: a, Back: "/"})
	v.Reload = 10
	d.render(w, a.Status, "refused.html", v)
}

// pages are the templates, each within the layout.
var pages = func() map[string]*template.Template {
	all := make(map[string]*template.Template)
	for _, name := range []string{"list.html", "app.html", "confirm.html", "refused.html"} {
		all[name] = template.Must(template.New(name).Funcs(template.FuncMap{"when": when, "visible": visible, "count": count}).
			ParseFS(templateFiles, "templates/layout.html", "templates/"+name))
	}
	return all
}()
