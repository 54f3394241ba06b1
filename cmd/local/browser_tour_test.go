//go:build browser

package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestAPersonSeesAFailureUnderstandsAndRepairsIt(t *testing.T) {
	link, _, _ := opened(t)
	for _, look := range []struct {
		name          string
		width, height int64
		scheme        string
	}{{"light", 1280, 800, "light"}, {"dark", 1280, 800, "dark"}, {"phone", 390, 844, "light"}} {
		t.Run(look.name, func(t *testing.T) {
			b := browse(t, look.width, look.height, look.scheme)
			b.run(chromedp.Navigate(link))
			b.says("#live", "^live$")
			b.tour(look.name)
			if evaluate[bool](b, "document.documentElement.scrollWidth > innerWidth") {
				t.Error("the page is wider than the window")
			}
		})
	}
}

// tour posts an event, sees it live, breaks what its handler needs, sees the attempts and the dead letter, repairs, and
// replays.
func (b *browser) tour(name string) {
	b.Helper()
	b.view("send")
	b.press("An order")
	b.says("main", "202 accepted")
	b.judge()
	b.shoot(name + "-send")
	b.view("events")
	b.says("tbody tr:first-child", `(?s)processed.*demo\.order`)
	b.view("send")
	b.press("Break the warehouse")
	b.says("main", "202 accepted")
	b.press("A panic")
	b.says("main", "202 accepted")
	b.press("Fails twice")
	b.says("main", "202 accepted")
	b.press("An order")
	b.says("main", "202 accepted")
	b.view("events")
	b.says("tbody tr:first-child", `attempt \d of 5`)
	b.judge()
	b.shoot(name + "-events-failing")
	b.says("tbody tr:first-child", `(?s)dead-lettered after 5.*connection refused`)
	b.run(chromedp.Click("tbody tr:first-child td a"))
	b.says("main", `(?s)attempt 1 failed.*connection refused.*attempt 4 failed.*dead-lettered`)
	b.says("main", "Audit: what came before")
	b.judge()
	b.shoot(name + "-event")
	b.view("letters")
	b.says("main", `connection refused`)
	b.judge()
	b.shoot(name + "-letters")
	b.view("send")
	b.press("Repair the warehouse")
	b.says("main", "202 accepted")
	b.view("letters")
	b.run(chromedp.SendKeys(`input[type="search"][placeholder="order.*"]`, "demo.*"))
	b.press("Dry run of all that is shown")
	b.says("main", `would be replayed, 0 left alone. Nothing was done yet`)
	b.judge()
	b.shoot(name + "-dry-run")
	b.run(chromedp.Click(`#main button.main`))
	b.says("main", `Replay done`)
	b.view("events")
	b.says("tbody", `(?s)processed.*demo\.order`)
	b.view("letters")
	b.says("main", `replayed, processed`)
	b.judge()
	b.shoot(name + "-replayed")
	b.view("system")
	b.says("main", `(?s)events\.dlq.*event-processor`)
	b.judge()
	b.shoot(name + "-system")
}

// tabTo presses Tab until what has the focus says text, and then Enter.
func (b *browser) tabTo(text string) {
	b.Helper()
	for range 80 {
		b.run(chromedp.KeyEvent(kb.Tab))
		focus := evaluate[string](b,
			`((e) => e.matches("a, button") ? e.getAttribute("aria-label") ?? e.innerText : "")(document.activeElement)`)
		if strings.Contains(focus, text) {
			if !evaluate[bool](b, `document.activeElement.matches(":focus-visible")`) {
				b.Errorf("nobody sees that %q has the focus", text)
			}
			b.run(chromedp.KeyEvent(kb.Enter))
			return
		}
	}
	b.Fatalf("Tab never leads to %q", text)
}

func TestTheKeyboardAloneIsEnough(t *testing.T) {
	link, _, _ := opened(t)
	b := browse(t, 1280, 800, "light")
	b.run(chromedp.Navigate(link))
	b.says("#live", "^live$")
	b.tabTo("Send")
	b.tabTo("Bad data")
	b.says("main", "202 accepted")
	b.run(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)))
	b.tabTo("Skip to content") // it goes round
	b.tabTo("See it live")
	b.says("tbody tr:first-child", "dead-lettered")
	b.tabTo("demo.order")
	b.says("main", "order has no quantity")
	b.tabTo("Dead letters")
	b.tabTo("Dry run of the group")
	b.says("main", "1 would be replayed")
	b.tabTo("Replay 1")
	b.says("main", "Replay done")
}
