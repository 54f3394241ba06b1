//go:build browser

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// post sends batches of 100 events, 5,000 events a second, for so long.
func post(t *testing.T, api string, long time.Duration) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for begin, n := time.Now(), 0; time.Since(begin) < long; n++ {
		<-ticker.C
		batch := make([]string, 100)
		for i := range batch {
			batch[i] = fmt.Sprintf(`{"specversion":"1.0","type":"load.test","source":"/load","id":"%d-%d","subject":"%d"}`, n, i,
				i)
		}
		resp, err := http.Post(api+"/v1/events", "application/cloudevents-batch+json",
			strings.NewReader("["+strings.Join(batch, ",")+"]"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			t.Fatalf("a batch is answered with %s", resp.Status)
		}
	}
}

func TestAPersonCanReadThePageAt5000EventsASecond(t *testing.T) {
	link, _, api := opened(t)
	b := browse(t, 1280, 800, "light")
	b.run(chromedp.Navigate(link))
	b.says("#live", "^live$")
	b.run(chromedp.Evaluate[chromedp.Void](`window.frames60 = 0; (function count() { window.frames60++; ` +
		`requestAnimationFrame(count); })(); undefined`))
	long := 10 * time.Second
	post(t, api, long)
	frames := float64(evaluate[int](b, "window.frames60")) / long.Seconds()
	heap := evaluate[int](b, "performance.memory.usedJSHeapSize") >> 20
	rows := evaluate[int](b, "document.querySelectorAll('tbody tr').length")
	t.Logf("%.0f frames a second, a heap of %d MiB, %d rows", frames, heap, rows)
	if heap >= 100 || rows > 60 {
		t.Errorf("the page holds %d MiB and draws %d rows", heap, rows)
	}
	if n := evaluate[int](b, "document.querySelectorAll('tr.new').length"); n > 0 {
		t.Errorf("%d rows are marked as new, which draws the page sixty times a second", n)
	}
	b.says("main", `Sampled: [\d,]+ of [\d,]+ steps`)
	b.shoot("load")

	b.press("Pause")
	first := evaluate[string](b, "document.querySelector('tbody tr').innerText")
	post(t, api, time.Second)
	rows = 0
	for range 20 { // all that the page knows, as far as somebody scrolls
		rows = evaluate[int](b, "scrollTo(0, document.body.scrollHeight), document.querySelectorAll('tbody tr').length")
		time.Sleep(100 * time.Millisecond)
	}
	if now := evaluate[string](b, "document.querySelector('tbody tr').innerText"); rows != 300 || now != first {
		t.Errorf("paused, and scrolled to its end, the page draws %d rows, the first of which was %q and is %q", rows, first,
			now)
	}
	evaluate[any](b, "scrollTo(0, 0)")
	b.press("Resume")
	post(t, api, time.Second)
	if rows = evaluate[int](b, "document.querySelectorAll('tbody tr').length"); rows > 60 {
		t.Errorf("back at the top it draws %d rows", rows)
	}
}
