package main

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
)

// This file writes pages.

//go:embed templates/*.html
var templateFiles embed.FS

// A view is what every page has, and its own data.
type view struct {
	Title      string
	Controller string // its name and version
	Writes     bool
	Refresh    int64   // milliseconds until an open page looks again; 0: it stays as it is
	Reload     int64   // seconds until a browser without scripts does; 0: it stays as it is
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

// hurry makes an open page look again soon, because more is being read.
func (v *view) hurry() { v.Refresh, v.Reload = min(v.Refresh, 1000), 3 }

// render writes a page; it is whole or an error.
func (d *dashboard) render(w http.ResponseWriter, status int, name string, v view) {
	var page bytes.Buffer
	if err := pages[name].ExecuteTemplate(&page, "layout.html", v); err != nil {
		d.log.Error("a page could not be made", "page", name, "error", err)
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(page.Bytes()) // an error is the browser's going away
}

// A refusal is a page that says why something is not there, or was not done.
type refusal struct {
	advice
	Back    string
	Ways    []wayOut
	WasDone string // what was not done, in one sentence; empty if nothing was to be
}

// A wayOut is something to do instead: a form with one button.
type wayOut struct {
	Action string // its address
	Fields map[string]string
	Do     string // the button
	Why    string
}

// refuse responds with a page that says why.
func (d *dashboard) refuse(w http.ResponseWriter, status int, why string) {
	d.refusal(w, refusal{advice: advice{What: why, Status: status}, Back: "/"})
}

func (d *dashboard) refusal(w http.ResponseWriter, r refusal) {
	title := r.What
	if r.WasDone != "" {
		title = r.WasDone
	}
	v := d.view(title, r)
	v.Refresh = 0
	d.render(w, r.Status, "refused.html", v)
}

// away responds where a page can show nothing but an error, and makes the browser look again.
func (d *dashboard) away(w http.ResponseWriter, a advice) {
	v := d.view(a.What, refusal{advice: a, Back: "/"})
	v.Reload = 10
	d.render(w, a.Status, "refused.html", v)
}

// pages are the templates, each with the layout around it.
var pages = func() map[string]*template.Template {
	all := make(map[string]*template.Template)
	for _, name := range []string{"list.html", "app.html", "confirm.html", "refused.html"} {
		all[name] = template.Must(template.New(name).Funcs(template.FuncMap{"when": when, "visible": visible, "count": count}).
			ParseFS(templateFiles, "templates/layout.html", "templates/"+name))
	}
	return all
}()
