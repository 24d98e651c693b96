package browser

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience is how long something may take to appear. An open page refreshes every five seconds, and the SDK retries for
// some seconds before it reports that the Controller does not respond.
const patience = 60 * time.Second

// A tab is a page in the browser.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu      sync.Mutex
	console []string
}

// startChromium starts the browser, or skips the test if there is none. CI must have one.
func startChromium(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		const missing = "there is no browser; install Debian's chromium to run this test"
		if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), // with a new user data directory, which is removed afterwards
		chromedp.ExecPath(path),
		chromedp.WSURLReadTimeout(patience), // the first start after an installation is slow
		chromedp.Headless,
		chromedp.NoFirstRun,
		chromedp.NoSandbox, // root and most containers cannot use one
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("hide-scrollbars", true),
	)
	t.Cleanup(stop)
	browser, quit := chromedp.NewContext(ctx)
	t.Cleanup(quit)
	require.NoError(t, chromedp.Do(browser))
	return browser
}

// openTab opens an empty page and listens to its console.
func openTab(t *testing.T, browser context.Context) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browser)
	t.Cleanup(closeTab)
	b := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Do(ctx))
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages { // until the tab closes
			if err != nil {
				return
			}
			b.mu.Lock()
			b.console = append(b.console, fmt.Sprintf("%s %s: %s %s", m.Source, m.Type, m.Text, m.URL))
			b.mu.Unlock()
		}
	}()
	b.window(1180, 900, 1)
	return b
}

// said returns what the console shows: errors, warnings, and violations of the Content-Security-Policy.
func (b *tab) said() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.console)
}

// do carries out actions.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, actions...))
}

func (b *tab) open(url string) { b.t.Helper(); b.do(chromedp.Navigate(url)) }

// click clicks on an element, and on its replacement if the page is refreshed at that moment.
func (b *tab) click(selector chromedp.CSS) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		err := chromedp.Do(ctx, chromedp.Click(selector))
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "Could not find node") {
			require.NoError(b.t, err)
		}
	}
}

func (b *tab) focus(selector chromedp.CSS) { b.t.Helper(); b.do(chromedp.Focus(selector)) }

func (b *tab) press(keys string) { b.t.Helper(); b.do(chromedp.KeyEvent(keys)) }

func (b *tab) fill(selector chromedp.CSS, value string) {
	b.t.Helper()
	b.do(chromedp.SetValue(selector, value))
}

// typeInto types text key by key.
func (b *tab) typeInto(selector chromedp.CSS, text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(selector, text))
}

// check evaluates a JavaScript expression in the page. An expression that throws is false.
func (b *tab) check(expression string) (bool, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[bool]("(() => { try { return Boolean("+expression+") } catch { return false } })()"))
}

// is reports whether an expression is true in the page.
func (b *tab) is(expression string) bool {
	b.t.Helper()
	yes, err := b.check(expression)
	require.NoError(b.t, err, expression)
	return yes
}

// until waits for an expression to become true, on this page or on the one that the browser is loading.
func (b *tab) until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		yes, err := b.check(expression)
		if yes {
			return
		}
		if time.Now().After(end) {
			text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
			b.t.Fatalf("never true: %s (%v)\nThe page:\n%s", expression, err, text)
		}
	}
}

// window gives the page a size in CSS pixels.
func (b *tab) window(width, height int64, scale float64) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride,
		emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: scale, Mobile: width < 600})
	require.NoError(b.t, err)
}

// colorScheme sets what the user prefers, "light" or "dark".
func (b *tab) colorScheme(scheme string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia,
		emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	require.NoError(b.t, err)
}

// axe checks the accessibility of the page with axe-core.
func (b *tab) axe(where string) {
	b.t.Helper()
	assert.Empty(b.t, b.violations(), "%s breaks rules of accessibility", where)
}

// violations returns what axe-core finds in the page, as text; see testdata/README.md.
func (b *tab) violations() string {
	b.t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", "axe.min.js"))
	require.NoError(b.t, err)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, err = chromedp.Run(ctx, chromedp.Evaluate[bool](string(source)+"\n;typeof axe === 'object'"))
	require.NoError(b.t, err)
	_, err = chromedp.Run(ctx, chromedp.Evaluate[bool](`window.axeFound = null;
		axe.run(document).then(result => {
			window.axeFound = result.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.map(n => n.html.slice(0, 160)).slice(0, 3).join(" | ")).join("\n");
		}); true`))
	require.NoError(b.t, err)
	b.until(`window.axeFound !== null`)
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string]("window.axeFound"))
	require.NoError(b.t, err)
	return found
}

// withoutScripts turns off the scripts of pages.
func (b *tab) withoutScripts() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	require.NoError(b.t, err)
}

// screenshot writes what the window shows to ../images if UPDATE_SCREENSHOTS is set, otherwise to a temporary folder.
func (b *tab) screenshot(name string) {
	b.t.Helper()
	dir := b.t.TempDir()
	if update, _ := strconv.ParseBool(os.Getenv("UPDATE_SCREENSHOTS")); update {
		dir = filepath.Join("..", "images")
		require.NoError(b.t, os.MkdirAll(dir, 0o755))
	}
	taken, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name), reduceColors(b.t, taken), 0o644))
}

// reduceColors reduces a picture to its 128 most frequent colors.
func reduceColors(t *testing.T, taken []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(taken))
	require.NoError(t, err)
	at := func(x, y int) color.RGBA {
		c := color.RGBAModel.Convert(full.At(x, y)).(color.RGBA)
		return color.RGBA{c.R &^ 3, c.G &^ 3, c.B &^ 3, 255}
	}
	area := full.Bounds()
	often := make(map[color.RGBA]int)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			often[at(x, y)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(often), func(a, b color.RGBA) int { return often[b] - often[a] })
	var palette color.Palette
	for _, c := range colors[:min(len(colors), 128)] {
		palette = append(palette, c)
	}
	nearest := make(map[color.RGBA]uint8)
	for c := range often {
		nearest[c] = uint8(palette.Index(c))
	}
	picture := image.NewPaletted(area, palette)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			picture.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	require.NoError(t, encoder.Encode(&out, picture))
	return out.Bytes()
}
