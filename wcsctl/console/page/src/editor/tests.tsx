import { Badge } from "../components/badge";
import { CopyCommand } from "../components/copy";
import { Empty, ErrorNote, Remarks } from "../components/notes";
import type { TestRun } from "../policy-shapes";
import { session } from "../session";
import type { CandidateText } from "../trial/input";
import { useAsking } from "./asking";

const PAUSE = 400;

interface TestPanelProps {
  candidate: CandidateText;
  /** The names of the files of tests in the app's folder. */
  files: readonly string[];
}

/** Runs the tests of the app's folder with an unpublished text. */
export function TestPanel({ candidate, files }: TestPanelProps) {
  const body = files.length ? { ...candidate } : null;
  const { answer, waiting } = useAsking<TestRun>("test", body, PAUSE);
  if (!files.length) return <NoTests app={candidate.app} />;
  if (answer === null) return <p class="dim">Running {files.join(", ")} …</p>;
  if (!answer.ok) return <ErrorNote problem={answer.error} />;
  const { results, problem } = answer.value;
  const failed = results.filter((one) => !one.ok);
  return (
    <div class={waiting ? "content loading" : "content"}>
      {problem && <p class="note bad">{problem}</p>}
      {results.length > 0 && (
        <p role="status">
          {results.length - failed.length} passed, {failed.length} failed
        </p>
      )}
      <ul class="tests">
        {[...failed, ...results.filter((one) => one.ok)].map(({ name, file, ok, differences }) => (
          <li key={`${file} ${name}`}>
            <Badge tone={ok ? "good" : "bad"} mark={ok ? "✓" : "×"}>
              {ok ? "passed" : "failed"}
            </Badge>{" "}
            {name} <span class="dim">{file}</span>
            {differences.map((difference) => (
              <div class="finding-text" key={difference}>
                {difference}
              </div>
            ))}
          </li>
        ))}
      </ul>
      <Remarks remarks={answer.remarks} />
      <CopyCommand command={answer.command} />
    </div>
  );
}

function NoTests({ app }: { app: string }) {
  const directory = session.value?.tests;
  return (
    <Empty title="No tests for this app.">
      <p>
        {directory
          ? `Add files named NAME.test.yaml to ${directory}/${app === "*" ? "_every_app" : app}.`
          : "Start wcsctl console with --tests DIR: a directory with a folder of tests for each app."}
      </p>
    </Empty>
  );
}
