package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deisgo/deis/examples/dashboard/snapshot"
	"github.com/deisgo/deis/releases"
)

// This file is the page of all apps: trouble first, with search, filters, sorting and pages. It is made from the snapshot
// only, without a request to the Controller.

// A listQuery is the query of the page's address. Each field is also a field of the form on the page.
type listQuery struct {
	Text  string // to find in the name, the owner or the latest change
	State string // one of filters, "" for all
	Owner string
	Sort  string // one of orders, "" for trouble first
	Per   int    // apps per page, one of sizes
	Page  int    // from 1
}

const perPage = 50 // the default

var sizes = []int{perPage, 100, 500}

// filters are the choices for the state; the first is every app.
var filters = []struct {
	Value, Label string
	matches      func(appRow) bool
}{
	{"", "Any state", func(appRow) bool { return true }},
	{"attention", "Needs attention", func(r appRow) bool { return r.Attention }},
	{"unknown", "Unknown", func(r appRow) bool { return r.State.Tone == "unknown" }},
	{"starting", "Starting", func(r appRow) bool { return r.State == starting }},
	{"running", "Running", func(r appRow) bool { return r.State == running }},
	{"stopped", "Stopped", func(r appRow) bool { return r.State == stopped }},
	{"not-deployed", "Not deployed", func(r appRow) bool { return r.State == notDeployed }},
	{"maintenance", "Maintenance", func(r appRow) bool { return r.Setting != nil && r.Setting.Maintenance }},
}

// orders are the ways to sort the list. Equal apps are sorted by name.
var orders = []struct {
	Value, Label string
	compare      func(a, b appRow) int
}{
	{"", "Trouble first", func(a, b appRow) int { return cmp.Compare(a.urgency(), b.urgency()) }},
	{"name", "Name", func(a, b appRow) int { return 0 }},
	{"owner", "Owner", func(a, b appRow) int { return strings.Compare(a.Owner, b.Owner) }},
	{"latest", "Latest release", func(a, b appRow) int { return b.released().Compare(a.released()) }},
}

func readQuery(r *http.Request) listQuery {
	form := r.URL.Query()
	q := listQuery{
		Text: strings.TrimSpace(form.Get("q")), State: form.Get("state"), Owner: form.Get("owner"), Sort: form.Get("sort"),
	}
	q.Per, _ = strconv.Atoi(form.Get("per"))
	if !slices.Contains(sizes, q.Per) {
		q.Per = perPage
	}
	page, err := strconv.Atoi(form.Get("page"))
	if err != nil || page < 1 {
		page = 1
	}
	q.Page = page
	return q
}

// path returns the address of the page for the query.
func (q listQuery) path() string {
	form := make(url.Values)
	for name, value := range map[string]string{"q": q.Text, "state": q.State, "owner": q.Owner, "sort": q.Sort} {
		if value != "" {
			form.Set(name, value)
		}
	}
	if q.Per != 0 && q.Per != perPage {
		form.Set("per", strconv.Itoa(q.Per))
	}
	if q.Page > 1 {
		form.Set("page", strconv.Itoa(q.Page))
	}
	if len(form) == 0 {
		return "/"
	}
	return "/?" + form.Encode()
}

func (q listQuery) onPage(n int) string { q.Page = n; return q.path() }

func (q listQuery) withState(state string) string { q.State, q.Page = state, 1; return q.path() }

// matches reports whether a row matches the query.
func (q listQuery) matches(row appRow) bool {
	text := strings.ToLower(q.Text)
	in := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	if !in(row.ID) && !in(row.Owner) && !(row.Release != nil && in(row.Release.Summary)) || q.Owner != "" && row.Owner != q.Owner {
		return false
	}
	for _, f := range filters {
		if f.Value == q.State {
			return f.matches(row)
		}
	}
	return true
}

// An appRow is an app in the list.
type appRow struct {
	snapshot.App
	health
	Flags     []state
	Attention bool
	Change    *change // the release that the app runs
	Problem   string  // why the app could not be read
}

func rowOf(app snapshot.App) appRow {
	row := appRow{App: app, health: healthOf(app), Flags: flagsOf(app), Change: changeOf(app.Release)}
	row.Attention = needsAttention(row.health, row.Flags)
	if app.Err != nil {
		row.Problem = visible(app.Err.Error())
	}
	return row
}

func (r appRow) urgency() int {
	if r.Attention && r.State.Tone != "bad" { // it runs, but its latest release failed
		return slices.Index(urgency, unreadable)
	}
	return slices.Index(urgency, r.State)
}

func (r appRow) released() time.Time {
	if r.Release == nil {
		return time.Time{}
	}
	return r.Release.Created.Time
}

// A change is a release in words.
type change struct {
	releases.Release
	What string // the summary without the name of the user
}

func changeOf(r *releases.Release) *change {
	if r == nil {
		return nil
	}
	return &change{*r, visible(strings.TrimPrefix(r.Summary, r.Owner+" "))}
}

// An option is one entry of a selection.
type option struct {
	Value, Label string
	Chosen       bool
}

type listPage struct {
	Query      listQuery
	Rows       []appRow
	Known      bool // whether the list was read at all
	Reading    int  // number of apps that were not read yet
	Count      int  // number of all apps
	Found      int  // number of apps that match
	Attention  int  // number of apps that need attention
	Unknown    int
	Up, Want   int
	AsOf       time.Time
	Suspicious bool // no app has any pods, although some should

	Pages                   int
	Previous, Next          string // addresses, or empty
	First, Last             string
	States, Owners, Sorting []option
	Sizes                   []option
}

func (d *dashboard) showList(w http.ResponseWriter, r *http.Request) {
	look := d.reader.Look()
	page := listOf(look, readQuery(r))
	v := d.view("Apps", page)
	v.Notice = noticeOf(look.Trouble, page.AsOf)
	if page.Attention > 0 {
		v.Title = fmt.Sprintf("(%d) Apps", page.Attention) // visible on a tab in the background
	}
	if !look.Complete() && look.Trouble == nil {
		v.hurry()
	}
	d.render(w, http.StatusOK, "list.html", v)
}

// listOf makes the page for a snapshot.
func listOf(look *snapshot.Snapshot, q listQuery) *listPage {
	page := &listPage{Query: q, Known: !look.Listed.IsZero(), Count: len(look.Apps), AsOf: look.Oldest()}
	owners := make(map[string]bool)
	seen, wantSome := 0, false
	var found []appRow
	for _, app := range look.Apps {
		row := rowOf(app)
		owners[app.Owner] = true
		page.Up, page.Want = page.Up+row.Up, page.Want+row.Want
		seen += len(app.Pods)
		wantSome = wantSome || row.State == noPods
		if row.Attention {
			page.Attention++
		}
		if row.State.Tone == "unknown" {
			page.Unknown++
		}
		if row.State == unread {
			page.Reading++
		}
		if q.matches(row) {
			found = append(found, row)
		}
	}
	page.Suspicious = wantSome && seen == 0
	for _, order := range orders {
		page.Sorting = append(page.Sorting, option{order.Value, order.Label, order.Value == q.Sort})
		if order.Value == q.Sort {
			slices.SortStableFunc(found, order.compare)
		}
	}
	for _, f := range filters {
		page.States = append(page.States, option{f.Value, f.Label, f.Value == q.State})
	}
	page.Owners = []option{{"", "Any owner", q.Owner == ""}}
	if q.Owner != "" {
		owners[q.Owner] = true
	}
	for _, name := range sortedKeys(owners) {
		page.Owners = append(page.Owners, option{name, name, name == q.Owner})
	}
	for _, n := range sizes {
		page.Sizes = append(page.Sizes, option{strconv.Itoa(n), fmt.Sprintf("%d per page", n), n == q.Per})
	}

	page.Found = len(found)
	page.Pages = max((len(found)+q.Per-1)/q.Per, 1)
	page.First, page.Last = q.onPage(1), q.onPage(page.Pages)
	if q.Page > page.Pages {
		return page
	}
	begin := (q.Page - 1) * q.Per
	page.Rows = found[begin:min(begin+q.Per, len(found))]
	if q.Page > 1 {
		page.Previous = q.onPage(q.Page - 1)
	}
	if q.Page < page.Pages {
		page.Next = q.onPage(q.Page + 1)
	}
	return page
}

// Beyond reports whether the requested page is after the last one.
func (p *listPage) Beyond() bool { return p.Query.Page > p.Pages }

// Filtered reports whether there is a search or filter, so that there may be more apps than are shown.
func (p *listPage) Filtered() bool {
	return p.Query.Text != "" || p.Query.State != "" || p.Query.Owner != ""
}

// OnlyAttention and OnlyUnknown return the addresses that show only those apps.
func (p *listPage) OnlyAttention() string { return listQuery{}.withState("attention") }
func (p *listPage) OnlyUnknown() string   { return listQuery{}.withState("unknown") }
