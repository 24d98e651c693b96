// Package browser tests the dashboard in a real browser, Debian's chromium.
//
//	go -C examples/dashboard test ./browser
//
// Without a browser the tests are skipped, unless CI is true. UPDATE_SCREENSHOTS=1 rewrites the README's pictures.
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
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/version"
)

// A whole session of an operator, with a Controller that the test owns.
func TestAnOperatorWorksWithTheDashboard(t *testing.T) {
	browser := startChromium(t)
	controller := startController(t)
	shop := controller.deployShop(t)
	url, stop := startDashboard(t, controller.env(), "-controller-from-env", "-allow-writes", "-requests", "50")
	b := openTab(t, browser)

	// The list leads to the app.
	b.open(url)
	b.until(`document.querySelector("#app-shop .state").innerText === "running"`)
	b.click("#app-shop a")
	b.until(`document.querySelector("h1").innerText === "shop" && document.querySelector("#release-4")`)

	// A log line arrives later, and markup in it is shown as text.
	require.NoError(t, controller.AddLog("shop", "2026-01-02T15:04:05UTC shop[web.1]: <b>hello</b> & welcome"))
	b.until(hasLine("<b>hello</b> & welcome"))

	// The log is paused, and then continues with the lines that arrived during the pause.
	b.click("#pause")
	require.NoError(t, controller.AddLog("shop", "2026-01-02T15:04:06UTC shop[web.1]: during the \u202epause"))
	b.until(`/1 more line/.test(document.querySelector("#log-state").innerText)`)
	assert.False(t, b.is(hasLine(`during the \\u202epause`)))
	b.click("#pause")
	b.until(hasLine(`during the \\u202epause`))

	// The log is filtered, and so are lines that arrive later.
	b.typeInto(`#log-form input`, "WELCOME")
	b.until(`[...document.querySelectorAll("#log div:not([hidden])")].length === 1`)
	require.NoError(t, controller.AddLog("shop", "2026-01-02T15:04:07UTC shop[web.1]: welcome again"))
	b.until(`[...document.querySelectorAll("#log div:not([hidden])")].length === 2`)

	// A refresh of the page does not move the focus.
	b.focus(`#release-2 a`)
	require.NoError(t, shop.Pods.Scale(t.Context(), "shop", map[string]int{"web": 2}))
	b.until(`document.querySelectorAll("#type-web li").length === 2`)
	assert.True(t, b.is(`document.activeElement.closest("#release-2")`), "the focus was lost")

	// The first press of the Tab key offers to skip the header.
	b.open(url + "/apps/shop")
	b.press("\t")
	assert.True(t, b.is(`document.activeElement.className === "skip"`))

	// A config value is not in the page until it is requested, and can be hidden again.
	b.until(`document.querySelector("#key-GREETING")`)
	assert.False(t, b.is(`document.documentElement.outerHTML.includes("good morning")`))
	b.click(`button[value="GREETING"]`)
	b.until(`document.querySelector("#key-GREETING .value").innerText === "good morning"`)
	assert.True(t, b.is(`location.pathname === "/apps/shop"`), "another page was loaded")
	b.click(`#key-GREETING button`)
	b.until(`!document.querySelector("#key-GREETING .value")`)

	// A crashed pod is restarted, after a confirmation.
	require.NoError(t, controller.CrashPod("shop", "web.1"))
	b.until(`document.querySelectorAll("#type-web .state.bad").length === 1`)
	b.click(`#type-web li:has(.state.bad) a`)
	b.until(`/^Restart the pod .* of shop\?$/.test(document.querySelector("h1").innerText)`)
	b.axe("a question")
	b.click(`button.primary`)
	b.until(`location.hash === "#type-web" && document.querySelectorAll("#type-web .state.good").length === 2`)

	// A scale that fails is explained, and can be fixed.
	b.fill(`#type-web input[type="number"]`, "99")
	b.click(`#type-web .scale button`)
	b.until(`document.querySelector("h1").innerText === "Scale web of shop to 99 pods?"`)
	b.click(`button.primary`)
	b.until(`/has stored the new number/.test(document.body.innerText)`)
	b.axe("a scale that was refused")
	b.click(`a.primary`)
	b.until(`document.querySelector("h1").innerText === "Scale web of shop to 2 pods?"`)
	b.click(`button.primary`)
	b.until(`location.hash === "#type-web" && document.querySelector("#type-web .count").innerText === "2 of 2 up"`)
	b.fill(`#type-web input[type="number"]`, "3")
	b.click(`#type-web .scale button`)
	b.until(`document.querySelector("h1").innerText === "Scale web of shop to 3 pods?"`)
	b.click(`button.primary`)
	b.until(`location.hash === "#type-web" && document.querySelectorAll("#type-web .state.good").length === 3`)

	// A rollback is done, or the page says why it is not offered.
	assert.True(t, b.is(`document.querySelector("#release-4 .why-not").innerText === "Running"`))
	b.click(`#release-3 a.button`)
	b.until(`document.querySelector("h1").innerText === "Roll shop back to v3?"`)
	b.click(`button.primary`)
	b.until(`location.hash === "#release-5" && document.querySelector("#release-5 .tag").innerText === "current"`)
	release, err := shop.Releases.Get(t.Context(), "shop", 5)
	require.NoError(t, err)
	assert.Equal(t, "admin rolled back to v3", release.Summary)

	// Maintenance mode.
	b.click(`#maintenance a`)
	b.until(`document.querySelector("h1").innerText === "Turn on maintenance mode for shop?"`)
	b.click(`button.primary`)
	b.until(`location.hash === "#settings" && /is on/.test(document.querySelector("#maintenance").innerText)`)

	for _, entry := range b.said() {
		assert.Regexp(t, `502 \(Bad Gateway\) .*/scale`, entry, "the console is not clean")
	}

	// The Controller goes away, and the page stays, below a banner. The Controller comes back, and the page recovers.
	controller.stop()
	b.until(`/The Controller does not respond.*The data shown was read .* ago.*Next attempt/s.test(document.querySelector(".banner").innerText)`)
	assert.True(t, b.is(`document.querySelectorAll("#type-web li").length === 3`))
	b.until(`/No new lines/.test(document.querySelector("#log-state").innerText)`)
	b.axe("an app whose Controller is away")
	b.open(url)
	b.until(`/does not respond/.test(document.querySelector(".banner").innerText) && document.querySelector("#app-shop")`)
	b.axe("a list whose Controller is away")
	b.open(url + "/apps/shop")
	controller.start(t)
	b.until(`!document.querySelector(".banner") && document.querySelectorAll("#type-web li").length === 3`)
	require.NoError(t, controller.AddLog("shop", "2026-01-02T15:04:06UTC shop[web.1]: back again"))
	b.until(hasLine("back again"))

	// The dashboard ends although a page is open, and the page says so.
	stop()
	b.until(`/The dashboard itself does not respond/.test(document.querySelector(".banner").innerText)`)
}

func hasLine(text string) string {
	return `[...document.querySelectorAll("#log div:not([hidden]) span")].some(line => line.textContent === "` + text + `")`
}

// There are three hundred apps, one of them in trouble.
func TestThreeHundredAppsAreSearched(t *testing.T) {
	browser := startChromium(t)
	controller := startController(t)
	client := controller.deployShop(t)
	for i := range 299 {
		_, err := client.Apps.Create(t.Context(), apps.CreateParams{ID: fmt.Sprintf("app-%03d", i)})
		require.NoError(t, err)
	}
	require.NoError(t, controller.CrashPod("shop", "web.1"))
	url, _ := startDashboard(t, controller.env(), "-controller-from-env", "-requests", "200")
	b := openTab(t, browser)
	b.open(url)
	b.until(`/300 apps/.test(document.querySelector("#summary").innerText) && /The oldest state/.test(document.querySelector(".age").innerText)`)
	assert.True(t, b.is(`document.querySelector("tbody tr").id === "app-shop" && document.querySelectorAll("tbody tr").length === 50`))
	assert.True(t, b.is(`document.querySelector(".pages span").innerText === "Page 1 of 6"`))

	// Typing searches at once, without a new page, and updates the address.
	b.typeInto(`.filters input`, "app-29")
	b.until(`document.querySelectorAll("tbody tr").length === 9 && location.search === "?q=app-29"`)
	assert.True(t, b.is(`document.activeElement.name === "q" && document.querySelector("#found").innerText === "9 apps match."`))
	b.click("#clear")
	b.until(`document.querySelectorAll("tbody tr").length === 50 && location.search === ""`)
	b.click("#summary a.bad")
	b.until(`document.querySelectorAll("tbody tr").length === 1 && document.querySelector("#app-shop")`)

	// All apps fit on one page. Between two rounds, a page causes no request at all.
	b.open(url + "/?per=500")
	b.until(`document.querySelectorAll("tbody tr").length === 300`)
	quiet := func() bool {
		before := len(controller.Requests())
		b.open(url + "/?per=500&sort=name")
		return b.is(`document.querySelectorAll("tbody tr").length === 300`) && len(controller.Requests()) == before
	}
	require.Eventually(t, quiet, patience, 500*time.Millisecond)
	b.axe("three hundred apps")
	b.open(url + "/?page=9")
	b.until(`/There are only 6 pages/.test(document.body.innerText)`)
	b.axe("a page that is not there")
	b.is(`document.documentElement.removeAttribute("lang")`)
	assert.Contains(t, b.violations(), "html-has-lang", "axe-core does not find the error")
	assert.Empty(t, b.said(), "the console is not clean")
}

// The demo on a desktop and on a phone, in light and dark mode.
func TestTheDemoFitsTheWindowAndIsAccessible(t *testing.T) {
	browser := startChromium(t)
	url, _ := startDashboard(t, nil, "-allow-writes")
	b := openTab(t, browser)
	b.open(url)
	b.until(`document.querySelectorAll("tbody tr").length === 8 && !document.querySelector(".state.unknown") && ![...document.querySelectorAll(".state.busy")].some(s => s.innerText === "starting")`)
	b.window(1180, 1010, 1)
	b.screenshot("dashboard-apps.png")

	b.open(url + "/apps/shop")
	b.until(`![...document.querySelectorAll("#pods .state")].some(s => s.innerText !== "up") && document.querySelectorAll("#log div").length > 40 && document.querySelector("#releases tbody tr") && document.querySelector("#domains .bad")`)
	b.window(1180, 1300, 1)
	b.screenshot("dashboard-app.png")
	assert.False(t, b.is(dark))
	b.colorScheme("dark")
	b.screenshot("dashboard-app-dark.png")
	assert.True(t, b.is(dark))

	paths := []string{"/", "/?q=nothing", "/apps/shop", "/apps/search", "/apps/mailer", "/apps/blog", "/apps/gateway", "/apps/playground", "/apps/shop/scale?type=web&count=2",
		"/apps/shop/rollback?to=3", "/apps/shop/restart?type=web", "/apps/blog/settings?name=maintenance&on=false", "/apps/nothing", "/nothing"}
	check := func(how string) {
		for _, path := range paths {
			b.open(url + path)
			assert.True(t, b.is(`document.documentElement.scrollWidth <= innerWidth`), "%s is wider than the window, %s", path, how)
			b.axe(path + " " + how)
		}
	}
	check("in dark mode")
	b.colorScheme("light")
	check("in light mode")
	b.window(390, 844, 1.5)
	check("on a phone")
	b.open(url)
	b.window(390, 1100, 1.5)
	b.until(`document.querySelectorAll("tbody tr").length === 8`)
	b.screenshot("dashboard-phone.png")
	for _, entry := range b.said() {
		assert.Regexp(t, `404 \(Not Found\) .*/nothing$`, entry, "the console is not clean")
	}
}

// dark is true on a page whose text is lighter than its background.
const dark = `(([a], [b]) => a < b)(...["backgroundColor", "color"].map(name => getComputedStyle(document.body)[name].match(/\d+/).map(Number)))`

// Without scripts, everything can be read and changed.
func TestEveryActionWorksWithoutScripts(t *testing.T) {
	browser := startChromium(t)
	controller := startController(t)
	shop := controller.deployShop(t)
	url, _ := startDashboard(t, controller.env(), "-controller-from-env", "-allow-writes", "-requests", "50")
	require.NoError(t, controller.AddLog("shop", "2026-01-02T15:04:05UTC shop[web.1]: hello"))
	b := openTab(t, browser)
	b.withoutScripts()
	b.open(url)
	b.until(`document.querySelector("#app-shop .state").innerText === "running"`) // the browser reloads the page
	b.fill(`.filters input`, "sho")
	b.click(`.filters button`)
	b.until(`/[?&]q=sho/.test(location.search) && document.querySelector("#found").innerText === "1 app matches."`)
	b.click("#app-shop a")
	b.until(`document.querySelector("#log").innerText.includes("hello")`)
	assert.True(t, b.is(`document.querySelector("#pause").hidden`), "the pause button needs scripts")
	b.fill(`#log-form input`, "nothing like this")
	b.click(`#log-form button`)
	b.until(`location.search.includes("log=nothing") && !document.querySelector("#log").innerText.includes("hello")`)
	b.open(url + "/apps/shop")
	b.until(`document.querySelector("#key-GREETING")`)
	b.click(`button[value="GREETING"]`)
	b.until(`document.querySelector("#key-GREETING .value").innerText === "good morning"`)

	b.fill(`#type-web input[type="number"]`, "2")
	b.click(`#type-web .scale button`)
	b.until(`document.querySelector("h1").innerText === "Scale web of shop to 2 pods?"`)
	b.click(`button.primary`)
	b.until(`document.querySelectorAll("#type-web li").length === 2`)
	up, err := deis.Collect(shop.Pods.All(t.Context(), "shop", pods.ListOptions{}))
	require.NoError(t, err)
	assert.Len(t, up, 2)

	for _, restart := range []string{`#pods > .process-head a`, `#type-web .scale a`, `#type-web li a`} {
		require.NoError(t, controller.CrashPod("shop", "web.1"))
		b.open(url + "/apps/shop")
		b.until(`document.querySelector("` + restart + `")`)
		b.click(chromedp.CSS(restart))
		b.until(`/^Restart/.test(document.querySelector("h1").innerText)`)
		b.click(`button.primary`)
		b.until(`location.hash !== "" && document.querySelector("h1").innerText === "shop"`)
	}

	b.until(`document.querySelector("#release-3 a.button")`)
	b.click(`#release-3 a.button`)
	b.until(`document.querySelector("h1").innerText === "Roll shop back to v3?"`)
	b.click(`button.primary`)
	b.until(`location.hash === "#release-5" && document.querySelector("#release-5 .tag").innerText === "current"`)

	for _, name := range []string{"maintenance", "routable"} {
		b.until(`document.querySelector("#` + name + ` a")`)
		b.click(chromedp.CSS("#" + name + " a"))
		b.until(`/^Turn/.test(document.querySelector("h1").innerText)`)
		b.click(`button.primary`)
		b.until(`location.hash === "#settings"`)
	}
	b.until(`/is on/.test(document.querySelector("#maintenance").innerText) && /do not/.test(document.querySelector("#routable").innerText)`)
	assert.Empty(t, b.said())
}

// A controller can go away and come back at the same address.
type controller struct {
	*deistest.Controller
	url    string
	server *http.Server
}

func startController(t *testing.T) *controller {
	t.Helper()
	c := &controller{Controller: deistest.New(deistest.WithAPIVersion(version.V2_3))}
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

// env returns the environment variables that name the Controller.
func (c *controller) env() []string {
	return []string{"DEIS_CONTROLLER=" + c.url, "DEIS_TOKEN=" + c.Token()}
}

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

var programs string // the folder that build writes to

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

// startDashboard starts the example on a free port. stop ends it with SIGTERM, and asserts that its exit status is 0.
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
