import { useState } from 'react';
import type { Turn } from '../conversation/turn.js';
import { encodedSlices } from '../conversation/turn.js';
import { Icon } from '../interface/icon.js';
import { useWords } from '../language/words.js';
import { AddPictures } from './add-pictures.js';
import { EXAMPLES } from './examples.js';
import type { Example } from './examples.js';
import type { Picture } from './picture.js';
import { PictureView } from './picture-view.js';
import type { NewPicture, PictureTable } from './use-pictures.js';

interface StageProps {
  readonly table: PictureTable;
  readonly running: Turn | undefined;
  readonly onAdd: (pictures: readonly NewPicture[]) => void;
  readonly onExample: (example: Example) => void;
  readonly canRemove: (picture: Picture) => boolean;
}

/** The light table: the picture in question, and the others as thumbnails. */
export function Stage({ table, running, onAdd, onExample, canRemove }: StageProps): React.JSX.Element {
  const words = useWords();
  const [hasSlices, setHasSlices] = useState(true);
  const shown = pictureInWork(running) ?? table.selected;
  return (
    <section className={shown === undefined ? 'stage empty' : 'stage'} aria-label={words.pictures}>
      {shown === undefined ? (
        <EmptyStage onAdd={onAdd} onExample={onExample} />
      ) : (
        <>
          <h2 className="visually-hidden">{words.pictures}</h2>
          <div className="mat">
            <PictureView
              key={shown.id}
              picture={shown}
              encoded={running === undefined ? undefined : encodedSlices(running, shown)}
              hasSlices={hasSlices}
            />
          </div>
          <div className="caption">
            <p>{describePlan(shown, words)}</p>
            <button
              type="button"
              className="on-stage small"
              aria-pressed={hasSlices}
              onClick={() => setHasSlices(!hasSlices)}
            >
              <Icon name="grid" />
              {words.showSlices}
            </button>
          </div>
          <Thumbnails table={table} shown={shown} onAdd={onAdd} canRemove={canRemove} />
        </>
      )}
    </section>
  );
}

/** While slices are encoded the stage shows the picture whose turn it is. */
function pictureInWork(turn: Turn | undefined): Picture | undefined {
  if (turn?.state.type !== 'encoding') return undefined;
  return turn.encoded.find((picture) => (encodedSlices(turn, picture) ?? 0) < 1 + picture.plan.slices.length);
}

function describePlan({ plan }: Picture, words: ReturnType<typeof useWords>): string {
  const { width, height, grid, visionTokens } = plan;
  const cut = grid === null ? words.wholeView : words.gridOf(...grid);
  return `${width} × ${height} · ${cut} · ${words.visionTokens(String(visionTokens))}`;
}

function EmptyStage({ onAdd, onExample }: Pick<StageProps, 'onAdd' | 'onExample'>): React.JSX.Element {
  const words = useWords();
  return (
    <>
      <div className="invitation">
        <h2>{words.addTitle}</h2>
        <p>{words.addHint}</p>
        <AddPictures isFirst onAdd={onAdd} />
      </div>
      <div className="examples">
        <h3>{words.examples}</h3>
        <ul>
          {EXAMPLES.map((example) => (
            <li key={example.key}>
              <button type="button" onClick={() => onExample(example)}>
                <span className="print">
                  <img src={example.file} alt="" />
                </span>
                {words.exampleNames[example.key]}
              </button>
            </li>
          ))}
        </ul>
      </div>
    </>
  );
}

function Thumbnails({
  table,
  shown,
  onAdd,
  canRemove,
}: Pick<StageProps, 'table' | 'onAdd' | 'canRemove'> & { readonly shown: Picture }): React.JSX.Element {
  const words = useWords();
  return (
    <div className="tray">
      <ul>
        {table.pictures.map((picture) => (
          <li key={picture.id}>
            <button
              type="button"
              className="thumbnail"
              aria-label={words.show(picture.name)}
              aria-current={picture.id === shown.id}
              onClick={() => table.select(picture)}
            >
              <img src={picture.url} alt="" />
            </button>
            {canRemove(picture) ? (
              <button
                type="button"
                className="remove"
                aria-label={words.remove(picture.name)}
                onClick={() => table.remove(picture)}
              >
                <Icon name="close" />
              </button>
            ) : null}
          </li>
        ))}
      </ul>
      <AddPictures isFirst={false} onAdd={onAdd} />
    </div>
  );
}
