package main

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"event-processing-service/archive"
	"event-processing-service/archive/objects"
	"event-processing-service/internal/event"
)

// archivedNames are the names of objects that the archiver itself writes: of an hour, and of mixed ones.
func archivedNames(t *testing.T) (names []string) {
	t.Helper()
	place := objects.NewDirectory(t.TempDir())
	archiver := archive.NewArchiver(place)
	record := func(offset int64, at time.Time) event.Record {
		return event.Record{Place: event.Place{Topic: "events", Partition: 11, Offset: offset}, Timestamp: at}
	}
	now := time.Date(2026, 11, 26, 7, 30, 0, 0, time.UTC)
	spans := []archive.Span{{Topic: "events", Partition: 11, Records: []event.Record{record(0, now)}},
		{Topic: "events", Partition: 11, First: 1, Last: 6}}
	for i := range int64(6) { // clocks that jump
		spans[1].Records = append(spans[1].Records, record(1+i, now.AddDate(0, 0, -int(3*i*(i%2)))))
	}
	for _, s := range spans {
		if err := archiver.Write(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	for name, err := range place.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func TestTheTablesOfTheArchiveFindEachObjectOnce(t *testing.T) {
	g := recorded(t, "prod", false)
	names := archivedNames(t)
	if len(names) != 2 || !strings.Contains(names[1], "date=mixed") {
		t.Fatalf("the archiver wrote %q", names)
	}
	bucket := find(t, g, "s3.BucketV2", "archive").Text("bucket")
	for i, table := range []string{recordsTable, mixedTable} {
		n := find(t, g, "glue.CatalogTable", table)
		template := n.Text("parameters", "storage.location.template")
		pattern := regexp.QuoteMeta(template)
		for _, key := range n.At("partitionKeys").ArrayValue() {
			name := key.ObjectValue()["name"].StringValue()
			how := n.Text("parameters", "projection."+name+".type")
			values, known := map[string]string{"enum": strings.ReplaceAll(n.Text("parameters", "projection."+name+".values"),
				",", "|"), "date": `\d{4}-\d\d-\d\d`, "integer": `\d+`}[how]
			if !known {
				t.Errorf("%s: Athena can't compute %s", table, name)
			}
			pattern = strings.Replace(pattern, regexp.QuoteMeta("${"+name+"}"), "("+values+")", 1)
		}
		of := regexp.MustCompile("^" + pattern + `[^/]+$`)
		for j, name := range names {
			if of.MatchString("s3://"+bucket+"/"+name) != (i == j) {
				t.Errorf("%s finds %s: %t; it looks in %s", table, name, i != j, template)
			}
		}
		if most := n.Text("parameters", "projection.partition.range"); most != "0,11" {
			t.Errorf("%s has partitions %s", table, most)
		}
	}
}

func TestTheTablesOfTheArchiveHaveEachMemberOfALine(t *testing.T) {
	var members map[string]json.RawMessage
	for _, b := range [][]byte{[]byte("text"), {0xff}} {
		line := archive.AppendLine(nil, &event.Record{Place: event.Place{Topic: "events"}, Timestamp: time.Now(), Key: b,
			Value: b, Headers: []event.Header{{Key: string(b), Value: b}}})
		if err := json.Unmarshal(line, &members); err != nil {
			t.Fatal(err)
		}
	}
	known := []string{"topic", "partition"}
	for _, c := range recordColumns {
		known = append(known, c.name)
	}
	slices.Sort(known)
	if got := slices.Sorted(maps.Keys(members)); !slices.Equal(got, known) {
		t.Errorf("a line has %q, the tables %q", got, known)
	}
	var headers []map[string]string
	for _, b := range []string{"text", "\xff"} {
		line := archive.AppendLine(nil, &event.Record{Headers: []event.Header{{Key: b, Value: []byte(b)}}})
		var l struct{ Headers []map[string]string }
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		headers = append(headers, l.Headers...)
	}
	for _, h := range headers {
		for name := range h {
			if !strings.Contains(recordColumns[4].kind, name+":string") {
				t.Errorf("a header has %s, the tables' headers are %s", name, recordColumns[4].kind)
			}
		}
	}
}

func TestTheSavedQuestionsAskForColumnsThatTheTablesHave(t *testing.T) {
	known := []string{"topic", "partition", "date", "hour"}
	for _, c := range recordColumns {
		known = append(known, c.name)
	}
	quoted := regexp.MustCompile(`"([a-z_]+)"`)
	for _, q := range archiveQueries("db", []string{"events"}, []string{"events.dlq"}) {
		for _, m := range quoted.FindAllStringSubmatch(q.text, -1) {
			if !slices.Contains(known, m[1]) {
				t.Errorf("%s asks for %s", q.name, m[1])
			}
		}
		for _, table := range []string{"db." + recordsTable + "\n", "db." + mixedTable + "\n"} {
			if strings.Count(q.text, table) != 1 {
				t.Errorf("%s does not read %s once", q.name, table)
			}
		}
		if !strings.Contains(q.text, `"date" >= `) {
			t.Errorf("%s reads all of the archive", q.name)
		}
	}
}

func TestAQuestionToTheArchiveIsBoundedAndItsAnswerIsForgotten(t *testing.T) {
	g := recorded(t, "prod", false)
	workgroup := find(t, g, "athena.Workgroup", "archive")
	if !workgroup.Is("configuration", "enforceWorkgroupConfiguration") ||
		workgroup.Number("configuration", "bytesScannedCutoffPerQuery") != 1e10 {
		t.Errorf("the workgroup is %v", workgroup.Plain())
	}
	key := workgroup.Text("configuration", "resultConfiguration", "encryptionConfiguration", "kmsKeyArn")
	if key != find(t, g, "s3.BucketServerSideEncryptionConfigurationV2", "archive-results").Text("rules",
		"applyServerSideEncryptionByDefault", "kmsMasterKeyId") || key == "" {
		t.Errorf("answers are encrypted with %q", key)
	}
	if d := find(t, g, "s3.BucketLifecycleConfigurationV2", "archive-results").Number("rules", "expiration",
		"days"); d != 7 {
		t.Errorf("answers stay for %v days", d)
	}
	for _, name := range []string{"event-life", "events-by-type-and-hour", "dead-letters-by-reason"} {
		if in := find(t, g, "athena.NamedQuery", name).Text("workgroup"); in != workgroup.Text("name") {
			t.Errorf("%s is asked in %q", name, in)
		}
	}
}
