// Package browser looks at the dashboard in a real browser, Debian's chromium.
//
//	go -C examples/dashboard test ./browser
//
// Without a browser the tests are skipped, unless CI is true. UPDATE_SCREENSHOTS=1 writes the README's pictures anew.
package browser

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/pods"
)

// The whole story of somebody at the dashboard, with a Controller that the test owns.
func TestSomebodyWorksWithTheDashboard(t *testing.T) {
	browser := startChromium(t)
	controller := startController(t)
	shop := controller.deployShop(t)
	url, stop := startDashboard(t, []string{"DEIS_CONTROLLER=" + controller.url, "DEIS_TOKEN=" + controller.Token()}, "-controller-from-env", "-allow-writes")
	b := openTab(t, browser)

	// The list leads to the app.
	b.open(url)
	b.until(`document.querySelector("#app-shop .state").innerText === "running"`)
	b.click("#app-shop a")
	b.until(`document.querySelector("h1").innerText === "shop"`)

	// A line of the log arrives later, and what looks like markup is text.
	require.NoError(t, controller.AddLog("shop", "2026-01-02T15:04:05UTC shop[web.1]: <b>hello</b> & welcome"))
	b.until(`[...document.querySelectorAll("#log span")].some(line => line.textContent === "<b>hello</b> & welcome")`)

	// A page that looks again by itself leaves the focus where it is.
	b.focus(`#release-2 a`)
	require.NoError(t, shop.Pods.Scale(t.Context(), "shop", map[string]int{"web": 2}))
	b.until(`document.querySelectorAll("#type-web li").length === 2`)
	assert.True(t, b.is(`document.activeElement.closest("#release-2")`), "the focus was lost")

	// The first key that is pressed leads past the header.
	b.open(url + "/apps/shop")
	b.press("\t")
	assert.True(t, b.is(`document.activeElement.className === "skip"`))

	// A value of config is not in the page before it is asked for, and is hidden again on request.
	assert.False(t, b.is(`document.documentElement.outerHTML.includes("good morning")`))
	b.click(`button[value="GREETING"]`)
	b.until(`document.querySelector("#key-GREETING .value").innerText === "good morning"`)
	assert.True(t, b.is(`location.pathname === "/apps/shop"`), "the page was left")
	b.click(`#key-GREETING button`)
	b.until(`!document.querySelector("#key-GREETING .value")`)

	// Scaling, with the question before it.
	b.fill(`#type-web input[type="number"]`, "3")
	b.click(`#type-web button`)
	b.until(`document.querySelector("h1").innerText === "Scale web of shop to 3 pods?"`)
	b.click(`button.primary`)
	b.until(`location.hash === "#type-web" && document.querySelectorAll("#type-web .state.good").length === 3`)

	// Rolling back, with the question before it.
	b.click(`#release-3 a.button`)
	b.until(`document.querySelector("h1").innerText === "Roll shop back to v3?"`)
	b.click(`button.primary`)
	b.until(`location.hash === "#release-5" && document.querySelector("#release-5 .tag").innerText === "current"`)
	release, err := shop.Releases.Get(t.Context(), "shop", 5)
	require.NoError(t, err)
	assert.Equal(t, "admin rolled back to v3", release.Summary)

	assert.Empty(t, b.said(), "the console is not clean")

	// The Controller goes away: what was there stays, below a banner. It comes back: so does everything.
	controller.stop()
	b.until(`/connection refused/.test(document.querySelector(".banner").innerText)`)
	assert.True(t, b.is(`document.querySelectorAll("#type-web li").length === 3`))
	b.until(`/connection refused/.test(document.querySelector("#log-state").innerText)`)
	b.open(url) // a page that is opened meanwhile has no state from before
	b.until(`/connection refused/.test(document.querySelector(".banner").innerText)`)
	b.open(url + "/apps/shop")
	controller.start(t)
	b.until(`!document.querySelector(".banner") && document.querySelectorAll("#type-web li").length === 3`)
	require.NoError(t, controller.AddLog("shop", "2026-01-02T15:04:06UTC shop[web.1]: back again"))
	b.until(`[...document.querySelectorAll("#log span")].some(line => line.textContent === "back again")`)
	for _, entry := range b.said() {
		assert.Regexp(t, `^network error: .* 502 \(Bad Gateway\)`, entry, "the console has more than the pages that could not be made")
	}

	// The dashboard ends although a page is open, and says so there.
	stop()
	b.until(`/The dashboard itself gives no answer/.test(document.querySelector(".banner").innerText)`)
}

// The demo, as it is looked at on a desk and on a phone, by day and by night.
func TestTheDemoLooksWell(t *testing.T) {
	browser := startChromium(t)
	url, _ := startDashboard(t, nil, "-allow-writes")
	b := openTab(t, browser)
	b.open(url)
	b.until(`document.querySelectorAll("tbody tr").length === 8 && !document.querySelector(".state.busy")`)
	b.window(1180, 860, 1.5)
	b.screenshot("dashboard-apps.png")

	b.open(url + "/apps/shop")
	b.until(`!document.querySelector(".state.busy") && document.querySelectorAll("#log div").length > 40`)
	b.window(1180, 1280, 1.5)
	b.screenshot("dashboard-app.png")
	assert.False(t, b.is(dark))
	b.colours("dark")
	b.screenshot("dashboard-app-dark.png")
	assert.True(t, b.is(dark))

	b.colours("light")
	b.window(390, 844, 2)
	for _, path := range []string{"/", "/apps/shop", "/apps/search", "/apps/playground", "/apps/shop/scale?type=web&count=2", "/apps/shop/rollback?to=3", "/nothing"} {
		b.open(url + path)
		assert.True(t, b.is(`document.documentElement.scrollWidth <= innerWidth`), "%s is wider than a phone", path)
	}
	b.open(url)
	b.screenshot("dashboard-phone.png")
	for _, entry := range b.said() {
		assert.Regexp(t, `404 \(Not Found\) .*/nothing$`, entry, "the console is not clean")
	}
}

// dark tells in the page whether its text is lighter than its ground.
const dark = `(([a], [b]) => a < b)(...["backgroundColor", "color"].map(name => getComputedStyle(document.body)[name].match(/\d+/).map(Number)))`

// Whoever switches scripts off reads everything, and changes what is to be changed.
func TestItWorksWithoutScripts(t *testing.T) {
	browser := startChromium(t)
	controller := startController(t)
	shop := controller.deployShop(t)
	url, _ := startDashboard(t, []string{"DEIS_CONTROLLER=" + controller.url, "DEIS_TOKEN=" + controller.Token()}, "-controller-from-env", "-allow-writes")
	require.NoError(t, controller.AddLog("shop", "2026-01-02T15:04:05UTC shop[web.1]: hello"))
	b := openTab(t, browser)
	b.withoutScripts()
	b.open(url)
	b.click("#app-shop a")
	b.until(`document.querySelector("#log").innerText.includes("hello")`)
	b.click(`button[value="GREETING"]`)
	b.until(`document.querySelector("#key-GREETING .value").innerText === "good morning"`)
	b.fill(`#type-web input[type="number"]`, "2")
	b.click(`#type-web button`)
	b.until(`document.querySelector("h1").innerText === "Scale web of shop to 2 pods?"`)
	b.click(`button.primary`)
	b.until(`document.querySelectorAll("#type-web li").length === 2`)
	up, err := deis.Collect(shop.Pods.All(t.Context(), "shop", pods.ListOptions{}))
	require.NoError(t, err)
	assert.Len(t, up, 2)
	assert.Empty(t, b.said())
}

// A controller is one that can go away and come back at its address.
type controller struct {
	*deistest.Controller
	url    string
	server *http.Server
}

func startController(t *testing.T) *controller {
	t.Helper()
	c := &controller{Controller: deistest.New()}
	c.start(t)
	t.Cleanup(c.stop)
	return c
}

func (c *controller) start(t *testing.T) {
	t.Helper()
	address := "127.0.0.1:0"
	if c.url != "" {
		address = strings.TrimPrefix(c.url, "http://")
	}
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	c.url = "http://" + listener.Addr().String()
	c.server = &http.Server{Handler: c.Controller}
	go c.server.Serve(listener)
}

func (c *controller) stop() { c.server.Close() }

// deployShop makes an app with a web process, four releases and one variable.
func (c *controller) deployShop(t *testing.T) *deis.Client {
	t.Helper()
	client, err := deis.New(c.url, deis.WithToken(c.Token()))
	require.NoError(t, err)
	_, err = client.Apps.Create(t.Context(), apps.CreateParams{ID: "shop"})
	require.NoError(t, err)
	for _, sha := range []string{"060da68", "1f4e9c2"} {
		_, err = client.Builds.Create(t.Context(), "shop", builds.CreateParams{Image: "acme/shop", SHA: sha, Procfile: map[string]string{"web": "shop"}})
		require.NoError(t, err)
	}
	_, err = client.Config.SetValues(t.Context(), "shop", map[string]string{"GREETING": "good morning"})
	require.NoError(t, err)
	return client
}

var programs string // the folder of what build makes

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "dashboard")
	if err != nil {
		log.Fatal(err)
	}
	programs = dir
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// build makes the program once, for all tests.
var build = sync.OnceValues(func() (path string, err error) {
	path = filepath.Join(programs, "dashboard")
	command := exec.Command("go", "build", "-o", path, ".")
	command.Dir = ".."
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return path, nil
})

// startDashboard starts the example on a free port. What is returned stops it as a terminal does, and the process must
// end well.
func startDashboard(t *testing.T, env []string, args ...string) (url string, stop func()) {
	t.Helper()
	binary, err := build()
	require.NoError(t, err)
	process := exec.CommandContext(context.Background(), binary, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	process.Env = append(os.Environ(), env...)
	process.Stderr = t.Output()
	stdout, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			assert.NoError(t, process.Process.Signal(syscall.SIGTERM))
			assert.NoError(t, process.Wait())
		}
	}
	t.Cleanup(stop)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(line)
	require.NotEmpty(t, url, line)
	return url, stop
}
