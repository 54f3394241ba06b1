//go:build browser

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"event-processing-service/internal/event"
)

// hostile is what an event may say if it wants to take the page over.
const hostile = "\"><img src=x onerror=\"window.taken=1\"><script>window.taken=1</script>{{1}}${1}\u202egnp.exe " +
	"javascript:window.taken=1"

func TestAnEventCanDoNothingToThePage(t *testing.T) {
	link, kafkaPort, _ := opened(t)
	header := func(key, value string) event.Header { return event.Header{Key: key, Value: []byte(value)} }
	hostileEvent := event.Record{Key: []byte(hostile), Value: []byte(`{"` + "\x1b[2J" + hostile + `":1}`),
		Headers: []event.Header{
			header("ce_specversion", "1.0"), header("ce_id", hostile), header("ce_source", "/x"), header("ce_type", hostile),
			header("content-type", "text/html"), header(hostile, hostile), header("bytes", "\xff\xfe"),
		}}
	noEvent := event.Record{Key: []byte(hostile), Value: []byte("\x00\xff" + hostile),
		Headers: []event.Header{header("ce_type", hostile)}}
	for _, r := range []event.Record{hostileEvent, noEvent} {
		if _, err := topicOf(t, kafkaPort, "events").Publish(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	b := browse(t, 1280, 800, "light")
	b.run(chromedp.Navigate(link))
	b.says("tbody", "(?s)dead-lettered.*processed|processed.*dead-lettered")
	b.says("tbody", `u\{202e\}gnp`)
	b.unharmed("the stream")
	for n := range 2 {
		b.view("events")
		b.run(chromedp.Click(fmt.Sprintf("tbody tr:nth-child(%d) td a", n+1)))
		b.says("main", "What happened")
		b.run(chromedp.Click("details.card summary"))
		b.says("main", "ce_type")
		b.unharmed("an event's page")
	}
	b.view("letters")
	b.says("main", "1 open")
	b.press("Dry run")
	b.says("main", "Nothing was done yet")
	b.unharmed("the dead letters")
}

func TestARefusedEventOfABatchIsShownByItsNameAndDoesNothing(t *testing.T) {
	link, _, api := opened(t)
	b := browse(t, 390, 844, "dark")
	b.run(chromedp.Navigate(link))
	b.says("#live", "^live$")
	name := `"><img src=x onerror="window.taken=1">';`
	batch, err := json.Marshal([]map[string]any{
		{"specversion": "1.0", "id": name, "source": "/s';a", "type": "demo.order", "data": map[string]any{}},
		{"specversion": "1.0", "id": "refused" + name, "source": "/s", "type": "order.placed", "data": map[string]any{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(api+"/v1/events", "application/cloudevents-batch+json", bytes.NewReader(batch))
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusMultiStatus {
		t.Fatalf("the batch is answered with %s", resp.Status)
	}
	b.says("tbody", `(?s)refused.*schema-violation`)
	b.says("tbody", `(?s)processed`)
	b.unharmed("the stream")
	b.judge()
	b.run(chromedp.Click(`//tbody//tr[contains(., "processed")]//td//a`))
	b.says("main", "(?s)What happened.*accepted")
	b.run(chromedp.Click(`//summary[contains(., "Audit")]`))
	b.says("main", `(?s)eventctl audit --source='/s'\\'';a' -- '"><img src=x`)
	b.unharmed("an event's audit")
	b.judge()
	if evaluate[bool](b, "document.documentElement.scrollWidth > innerWidth") {
		t.Error("the page is wider than the window")
	}
	b.shoot("phone-dark-audit")
}

func (b *browser) unharmed(where string) {
	b.Helper()
	if evaluate[bool](b,
		`window.taken !== undefined || document.querySelector("main img, main script, main [onerror]") !== null`) {
		b.Errorf("%s runs what an event says", where)
	}
}
