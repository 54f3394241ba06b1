package review

import (
	"fmt"
	"slices"
	"strings"
)

// archiveName is the name of bucket, task and role of the archive.
const archiveName = "archive"

// archiver is the container that archives; the zero value if there is none.
func (g Graph) archiver() container {
	for _, c := range g.named("ecs.TaskDefinition", archiveName).containers() {
		return c
	}
	return container{}
}

func (c container) variable(name string) string {
	for _, v := range c.Environment {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// archiveGroup is the archiver's consumer group.
func (c container) archiveGroup() string {
	if i := slices.Index(c.Command, "--group"); i >= 0 && i+1 < len(c.Command) {
		return c.Command[i+1]
	}
	return ""
}

// losableArchive finds ways to remove records from an archive unnoticed, and records that do not get into it.
func losableArchive(g Graph) (broken []string) {
	if !g.Has("s3.BucketV2", archiveName) {
		return nil
	}
	bucket := g.named("s3.BucketV2", archiveName)
	report := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	if !g.Has("s3.BucketVersioningV2", archiveName) {
		report("%s keeps nothing that is deleted", bucket)
	}
	if !strings.Contains(g.named("s3.BucketPolicy", archiveName).Text("policy"), `"s3:if-none-match":"true"`) {
		report("%s lets objects be overwritten", bucket)
	}
	keeps := g.named("s3.BucketLifecycleConfigurationV2", archiveName).Number("rules", "expiration", "days")
	lock := g.named("s3.BucketObjectLockConfigurationV2", archiveName)
	if days := lock.Number("rule", "defaultRetention", "days"); days > keeps {
		report("%s locks objects for %g days that are to be deleted after %g", lock, days, keeps)
	}
	for _, n := range g.Of("iam.RolePolicy") {
		allowed, _ := n.grants()
		for _, r := range allowed {
			if strings.HasPrefix(r.action, "s3:Delete") && strings.HasPrefix(r.on, madeUpARN("s3.BucketV2", archiveName)) {
				report("%s may delete from %s", n, bucket)
			}
		}
	}
	archiver := g.archiver()
	if url := archiver.variable("ARCHIVE_URL"); url != "s3://"+bucket.Text("bucket") {
		report("the archiver writes to %q and not to %s", url, bucket)
	}
	env := g.environment()
	for _, name := range []string{"KAFKA_TOPIC", "TOPIC_ROUTES"} {
		if archiver.variable(name) != env[name] {
			report("the API's %s is %q, the archiver's %q", name, env[name], archiver.variable(name))
		}
	}
	return broken
}

// ofArchiver are the rights that the archiver needs.
func (g Graph) ofArchiver() []right {
	archiver := g.archiver()
	all := slices.Concat(rightsTo(":cluster/", "kafka-cluster:Connect"),
		rightsTo("/"+archiver.archiveGroup(), "kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"),
		rightsTo("/archive/*", "s3:PutObject", "s3:GetObject"),
		rightsTo(madeUpARN("s3.BucketV2", archiveName), "s3:ListBucket"))
	for _, n := range g.Of("cloudcontrol.Resource") {
		topic := n.Name
		// The letters of processors other than the first have their name behind the first's.
		if letters := archiver.variable("KAFKA_DLQ_TOPIC"); strings.HasPrefix(topic, letters+".") {
			topic = letters + ".*"
		}
		all = append(all, rightsTo("/"+topic, "kafka-cluster:DescribeTopic", "kafka-cluster:ReadData")...)
	}
	return all
}

// archiveReader is what the operator's tool does with the archive that it reads, where there is one.
func (g Graph) archiveReader() []right {
	bucket := ""
	for _, c := range g.named("ecs.TaskDefinition", "operator").containers() {
		bucket = strings.TrimPrefix(c.variable("ARCHIVE_URL"), "s3://")
	}
	if bucket == "" {
		return nil
	}
	arn := "arn:aws:s3:::" + bucket // another stack's
	if bucket == g.named("s3.BucketV2", archiveName).Text("bucket") {
		arn = madeUpARN("s3.BucketV2", archiveName)
	}
	return append(rightsTo(arn+"/archive/*", "s3:GetObject"), rightsTo(arn, "s3:ListBucket")...)
}
